//! Doing what was drawn to an image: warps, and the photometric steps one file each.

mod blur;
mod color;
mod cover;
mod histogram;
mod jpeg;
mod light;
mod median;
mod noise;
mod pointwise;

use crate::Step;
use crate::geometry::Motion;
use fkp_core::Channel;
use fkp_core::warp::{InverseMap, Sampling, Scratch, View, warp};
use fkp_core::{Affine, Border, Filter};

/// Memory that serves one image after another.
#[derive(Default)]
pub(crate) struct Workspace<T> {
    /// The image so far; the result in the end.
    pub(crate) front: Vec<T>,
    back: Vec<T>,
    third: Vec<T>,
    scratch: Scratch<T>,
    floats: Vec<f32>,
}

impl<T: Channel> Workspace<T> {
    /// The result, in exchange for the source's buffer.
    ///
    /// The buffers are swapped unless that would give away memory that the next image needs, or
    /// return a buffer much larger than the image in it: then the result is copied.
    pub(crate) fn hand_over(&mut self, mut source: Vec<T>) -> Vec<T> {
        let (kept, given) = (source.capacity(), self.front.capacity());
        let roomy = 2 * self.front.len();
        if given <= kept && given <= roomy {
            return std::mem::replace(&mut self.front, source);
        }
        source.clear();
        source.extend_from_slice(&self.front);
        if kept > roomy {
            source.shrink_to_fit();
        }
        source
    }
}

/// An image that is changed in place, with memory to do it.
pub(crate) struct Canvas<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    /// A second image's memory.
    pub(crate) spare: &'a mut Vec<T>,
    /// And a third's.
    pub(crate) third: &'a mut Vec<T>,
    /// Numbers in between.
    pub(crate) floats: &'a mut Vec<f32>,
}

/// Does the steps to `src` and leaves the result in `workspace.front`; says its (width, height).
pub(crate) fn run<T: Channel>(
    src: View<'_, T>,
    steps: &[Step],
    sampling: Sampling,
    workspace: &mut Workspace<T>,
) -> (usize, usize) {
    let mut size = src.size();
    let mut started = false;
    let mut at = 0;
    while at < steps.len() {
        let (motion, count) = Motion::of(&steps[at..], size);
        if count > 0 {
            at += count;
            if motion.is_identity(size) {
                continue;
            }
            let Workspace {
                front,
                back,
                scratch,
                ..
            } = workspace;
            let from = match started {
                true => view(front, size, src.channels()),
                false => src,
            };
            warp(from, motion.pixels(), motion.size, sampling, scratch, back);
            std::mem::swap(front, back);
            started = true;
            size = motion.size;
            continue;
        }
        if !started {
            copy(src, workspace);
            started = true;
        }
        let mut canvas = Canvas {
            data: &mut workspace.front,
            width: size.0,
            height: size.1,
            channels: src.channels(),
            spare: &mut workspace.back,
            third: &mut workspace.third,
            floats: &mut workspace.floats,
        };
        at += pointwise::run(&steps[at..], canvas.data);
        if at < steps.len() && !steps[at].is_geometric() {
            // One step at a time; pointwise ones were taken together above.
            if other(&steps[at], &mut canvas, &mut workspace.scratch) {
                at += 1;
            }
        }
    }
    if !started {
        copy(src, workspace);
    }
    size
}

/// Steps that look at more than one number. Whether this was one of them.
fn other<T: Channel>(step: &Step, canvas: &mut Canvas<'_, T>, scratch: &mut Scratch<T>) -> bool {
    match *step {
        Step::HueSaturation {
            hue_deg,
            saturation,
        } => color::hue_saturation(canvas, hue_deg, saturation),
        Step::Gray {} => color::gray(canvas),
        Step::GaussianNoise { sigma, seed } => noise::gaussian(canvas.data, sigma, seed),
        Step::PoissonNoise { photons, seed } => noise::poisson(canvas.data, photons, seed),
        Step::SaltAndPepper { fraction, seed } => noise::salt_and_pepper(canvas, fraction, seed),
        Step::GaussianBlur { sigma_px } => blur::gaussian(canvas, sigma_px),
        Step::MedianBlur { radius_px } => median::median(canvas, radius_px),
        Step::MotionBlur {
            length_px,
            angle_deg,
        } => blur::motion(canvas, length_px, angle_deg),
        Step::Sharpen { amount } => blur::sharpen(canvas, amount),
        Step::Clahe { clip, tiles } => histogram::clahe(canvas, clip, tiles),
        Step::Equalize {} => histogram::equalize(canvas),
        Step::Jpeg { quality } => jpeg::degrade(canvas, quality),
        Step::Downscale { factor } => downscale(canvas, factor, scratch),
        Step::Erase {
            x,
            y,
            width,
            height,
            fill,
            seed,
        } => cover::erase(canvas, (x, y), (width, height), fill, seed),
        Step::Shadow {
            through,
            angle_deg,
            strength,
            softness,
        } => light::shadow(canvas, through, angle_deg, strength, softness),
        Step::LightGradient {
            angle_deg,
            strength,
        } => light::gradient(canvas, angle_deg, strength),
        Step::Standardize { mean, std } => histogram::standardize(canvas, mean, std),
        Step::Affine { .. }
        | Step::Perspective { .. }
        | Step::Distortion { .. }
        | Step::Brightness { .. }
        | Step::Contrast { .. }
        | Step::Gamma { .. }
        | Step::Invert {} => return false,
    }
    true
}

fn copy<T: Channel>(src: View<'_, T>, workspace: &mut Workspace<T>) {
    workspace.front.clear();
    workspace.front.extend_from_slice(src.as_slice());
}

/// Shrinks by area into the spare image and enlarges from there.
fn downscale<T: Channel>(canvas: &mut Canvas<'_, T>, factor: f64, scratch: &mut Scratch<T>) {
    let size = (canvas.width, canvas.height);
    let side = |side: usize| ((side as f64 * factor).round() as usize).clamp(1, side);
    let small = (side(size.0), side(size.1));
    let Ok(down) = Affine::resize(size, small) else {
        return;
    };
    let sampling = Sampling {
        border: Border::Replicate,
        interpolation: Filter::Area,
    };
    let resize =
        |src: &[T], map: Affine, (from, to), scratch: &mut Scratch<T>, dst: &mut Vec<T>| {
            let map = InverseMap::Affine(map.inverse().rows());
            warp(
                view(src, from, canvas.channels),
                map,
                to,
                sampling,
                scratch,
                dst,
            );
        };
    resize(canvas.data, down, (size, small), scratch, canvas.spare);
    resize(
        canvas.spare,
        down.inverse(),
        (small, size),
        scratch,
        canvas.third,
    );
    canvas.data.copy_from_slice(canvas.third);
}

/// An image in a buffer of the workspace.
fn view<T: Channel>(data: &[T], (width, height): (usize, usize), channels: usize) -> View<'_, T> {
    match View::new(width, height, channels, data) {
        Ok(view) => view,
        Err(error) => unreachable!("the buffer was filled with an image of this size: {error}"),
    }
}
