//! Random networks.

use candle_core::{D, Tensor};
use fkp_kernels::inference::Plan;

use super::both::{Both, Pair};

impl Both {
    /// A random network on `x`, and its output.
    pub(super) fn network(mut self, x: &Tensor, depth: usize) -> (Plan, Tensor) {
        let mut values = vec![(self.builder.input(), x.clone())];
        // A vector on which a map depends, which the head may read too.
        let mut hidden: Option<Pair> = None;
        for _ in 0..depth {
            let from = values.len() - 1 - self.choose(values.len().min(2));
            let (last, other) = (values[values.len() - 1].clone(), values[from].clone());
            values.push(match self.choose(14) {
                0..6 => self.conv(&last),
                6 => self.pool(&last),
                7 => self.add(&last, &other),
                8 => self.activate(&other),
                9 => self.prelu(&other),
                10 => self.upsample(&last),
                11..13 => self.conv_transpose(&last),
                _ => {
                    let (scaled, between) = self.scale(&last);
                    hidden = Some(between);
                    scaled
                }
            });
        }
        let last = values.pop().unwrap();
        let mut out = match self.choose(5) {
            0 => last,
            1 => (
                self.builder.global_avg_pool(last.0).unwrap(),
                last.1.mean((D::Minus2, D::Minus1)).unwrap(),
            ),
            2 => self.soft_argmax(&last),
            _ => (
                self.builder.flatten(last.0).unwrap(),
                last.1.flatten_from(1).unwrap(),
            ),
        };
        if out.1.rank() == 2 {
            if let Some(hidden) = hidden {
                out = match self.choose(4) {
                    0 => hidden,
                    1 => self.activate(&hidden),
                    2 => self.linear(&hidden),
                    _ => out,
                };
            }
            for _ in 0..self.choose(4) {
                out = match self.choose(5) {
                    0 => self.activate(&out),
                    1 => {
                        let sum = self.add(&out, &out);
                        self.activate(&sum)
                    }
                    2 => self.prelu(&out),
                    _ => self.linear(&out),
                };
            }
        }
        (self.builder.build(out.0).unwrap(), out.1)
    }
}
