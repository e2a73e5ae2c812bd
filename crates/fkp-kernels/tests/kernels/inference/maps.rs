//! Operations of networks whose output is maps, and of squeeze-and-excitation.

use fkp_kernels::inference::{ConvTransposeLayer, LinearLayer};
use fkp_kernels::{
    Activation, ConvTranspose2dConfig, activate, conv_transpose2d, global_avg_pool2d, linear,
    prelu, scale_channels, soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};

use super::both::{Both, Pair, flat};

/// Maps are not enlarged to more pixels.
const MAX_PIXELS: usize = 1500;

impl Both {
    pub(super) fn conv_transpose(&mut self, x: &Pair) -> Pair {
        let (_, c_in, h, w) = x.1.dims4().unwrap();
        let c_out = [1, 5, 16, 19, 33][self.choose(5)];
        let (kh, kw) = (1 + self.choose(5), 1 + self.choose(5));
        let mut config = ConvTranspose2dConfig::new().stride(1 + self.choose(3));
        config = config.padding(self.choose(3));
        config = config.output_padding(self.choose(config.stride));
        let shape = match self.choose(3) {
            0 => {
                config = ConvTranspose2dConfig::doubling();
                [c_in, c_out, 4, 4]
            }
            _ => [c_in, c_out, kh, kw],
        };
        let side = |len: usize, kernel: usize| (len - 1) * config.stride + kernel;
        let too_small = |len, kernel| side(len, kernel) <= 2 * config.padding;
        if side(h, kh) * side(w, kw) > MAX_PIXELS
            || too_small(h, shape[2])
            || too_small(w, shape[3])
        {
            return x.clone();
        }
        let weight = self.values(&shape, (3.0 / c_in as f64).sqrt() / 2.0);
        let bias = self.values(&[c_out], 0.3);
        let bias = (self.choose(3) > 0).then_some(bias);
        let activation = self.activation();
        let values = bias.as_ref().map(flat);
        let layer = ConvTransposeLayer {
            weight: &flat(&weight),
            shape,
            bias: values.as_deref(),
            config,
            activation,
        };
        let y = conv_transpose2d(&x.1, &weight, bias.as_ref(), config).unwrap();
        (
            self.builder.conv_transpose2d(x.0, layer).unwrap(),
            activate(&y, activation).unwrap(),
        )
    }

    pub(super) fn upsample(&mut self, x: &Pair) -> Pair {
        let (_, _, h, w) = x.1.dims4().unwrap();
        let scale = [2, 2, 3, 1][self.choose(4)];
        if h * w * scale * scale > MAX_PIXELS {
            return x.clone();
        }
        match self.choose(2) {
            0 => (
                self.builder.upsample_nearest(x.0, scale).unwrap(),
                upsample_nearest2d(&x.1, scale).unwrap(),
            ),
            _ => (
                self.builder.upsample_bilinear(x.0, scale).unwrap(),
                upsample_bilinear2d(&x.1, scale).unwrap(),
            ),
        }
    }

    pub(super) fn prelu(&mut self, x: &Pair) -> Pair {
        let slopes = self.values(&[x.1.dim(1).unwrap()], 0.5);
        (
            self.builder.prelu(x.0, &flat(&slopes)).unwrap(),
            prelu(&x.1, &slopes).unwrap(),
        )
    }

    /// With a `beta` for which the softmax is not sharp: it would magnify rounding errors.
    pub(super) fn soft_argmax(&mut self, x: &Pair) -> Pair {
        let largest = x.1.abs().unwrap().max_all().unwrap();
        let beta = 0.5 / f64::from(largest.to_scalar::<f32>().unwrap()).max(0.1);
        let y = soft_argmax2d(&x.1, beta).unwrap();
        (
            self.builder.soft_argmax(x.0, beta).unwrap(),
            y.flatten_from(1).unwrap(),
        )
    }

    /// A map whose channels are scaled by what dense layers compute from it, and the vector between
    /// these.
    pub(super) fn scale(&mut self, x: &Pair) -> (Pair, Pair) {
        let vector = match self.choose(4) {
            0 => (
                self.builder.flatten(x.0).unwrap(),
                x.1.flatten_from(1).unwrap(),
            ),
            1 => self.soft_argmax(x),
            _ => (
                self.builder.global_avg_pool(x.0).unwrap(),
                global_avg_pool2d(&x.1).unwrap(),
            ),
        };
        let mut hidden = self.linear(&vector);
        match self.choose(4) {
            0 => hidden = self.prelu(&hidden),
            1 => {
                let active = self.activate(&hidden);
                hidden = self.add(&hidden, &active);
            }
            _ => {}
        }
        let (n_in, channels) = (hidden.1.dim(1).unwrap(), x.1.dim(1).unwrap());
        let weight = self.values(&[channels, n_in], (3.0 / n_in as f64).sqrt());
        let activation = [Activation::Sigmoid, Activation::HardSigmoid][self.choose(2)];
        let layer = LinearLayer {
            weight: &flat(&weight),
            bias: None,
            activation,
        };
        let factors = (
            self.builder.linear(hidden.0, layer).unwrap(),
            linear(&hidden.1, &weight, None, activation).unwrap(),
        );
        let scaled = (
            self.builder.scale_channels(x.0, factors.0).unwrap(),
            scale_channels(&x.1, &factors.1).unwrap(),
        );
        (scaled, hidden)
    }
}
