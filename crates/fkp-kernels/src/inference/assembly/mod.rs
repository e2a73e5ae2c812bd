//! From the operations of a network to a plan.

mod functions;
mod places;
mod weighted;

use super::batch::BatchPlan;
use super::bottlenecks::with_bottlenecks;
use super::image::{ImagePlan, Source, Target};
use super::layouts::Layouts;
use super::node::{Kind, Node, Shape, Value};
use super::ops::{Pack, Pad, Unpack};
use super::pixel_vectors::with_pixel_vectors;
use super::plan::{Head, Plan};
use crate::Activation;
use places::{Build, Place};

/// The plan that computes `output`, a value of `nodes`.
pub(super) fn build(nodes: Vec<Node>, output: Value) -> Plan {
    let nodes = with_bottlenecks(nodes, output);
    let (nodes, output) = with_pixel_vectors(nodes, output);
    let layouts = Layouts::new(&nodes, output);
    let mut build = Build {
        remaining: layouts.uses.clone(),
        places: vec![Place::None; nodes.len()],
        nodes: &nodes,
        layouts: &layouts,
        planes: Source::Input,
        pixels: Source::None,
        image: ImagePlan::default(),
        batch: BatchPlan::default(),
    };
    build.input();
    for (i, node) in nodes.iter().enumerate() {
        if layouts.live[i] {
            build.node(i, node);
        }
    }
    let x_len = nodes[0].shape.len();
    let out_len = nodes[output.0].shape.len();
    build.finish(output, (x_len, out_len))
}

impl Build<'_> {
    /// Copies of the input in the layouts in which it is read.
    fn input(&mut self) {
        if let Some(planes) = self.layouts.planes
            && !planes.is_tight()
        {
            // This buffer is not used again: the input is read by the first operations only, but
            // by which is not counted apart from the pixels.
            let (slot, len) = (self.image.slots.take(planes.len()), planes.len());
            let target = Target::Planes { slot, len };
            self.push(Box::new(Pad(planes)), [Source::Input, Source::None], target);
            self.planes = Source::Slot { slot, len };
        }
        if self.layouts.packs_input
            && let Some(frame) = self.layouts.frames[0]
        {
            let slot = self.image.slots.take(frame.len());
            let target = Target::Frame { slot, frame };
            self.push(Box::new(Pack(frame)), [Source::Input, Source::None], target);
            let len = frame.len();
            self.pixels = Source::Slot { slot, len };
        }
    }

    fn node(&mut self, i: usize, node: &Node) {
        match &node.kind {
            Kind::Input => {}
            Kind::Conv(conv) => self.conv(i, node, conv),
            Kind::Bottleneck(convs) => self.bottleneck(i, node, convs),
            Kind::ConvTranspose(conv) => self.conv_transpose(i, node, conv),
            Kind::Linear(linear) => self.linear(i, node, linear),
            Kind::Pool {
                window,
                stride,
                reduction,
            } => self.pool(i, node, (*window, *stride), *reduction),
            Kind::GlobalAvgPool => self.global_avg_pool(i, node),
            Kind::Upsample {
                scale,
                interpolation,
            } => self.upsample(i, node, *scale, *interpolation),
            Kind::ScaleChannels => self.scale_channels(i, node),
            Kind::SoftArgmax(mean) => self.soft_argmax(i, node, *mean),
            Kind::Flatten => self.flatten(i, node),
            Kind::Add => self.elementwise(i, node, Activation::Identity),
            Kind::Activation(activation) => self.elementwise(i, node, *activation),
            Kind::PRelu(slopes) => self.prelu(i, node, slopes),
        }
    }

    fn finish(mut self, output: Value, (x_len, out_len): (usize, usize)) -> Plan {
        if let Shape::Map { .. } = self.nodes[output.0].shape {
            let frame = self.frame(output);
            let input = match self.places[output.0] {
                Place::Slot(slot) => Source::Slot {
                    slot,
                    len: frame.len(),
                },
                _ => self.pixels,
            };
            let target = Target::Row {
                start: 0,
                len: out_len,
            };
            self.push(Box::new(Unpack(frame)), [input, Source::None], target);
            self.image.row_len = out_len;
            return Plan::new((x_len, out_len), self.image, None);
        }
        let output = self.in_batch(output);
        self.batch.lengths[0] = self.image.row_len;
        let (plan, output) = self.batch.without_copies(output);
        let head = Head { plan, output };
        Plan::new((x_len, out_len), self.image, Some(head))
    }
}
