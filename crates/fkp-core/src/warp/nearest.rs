//! The nearest pixel, for masks and labels: the result has no values that the source does not have.

use super::border::Border;
use super::rows::Samples;
use super::source::View;
use crate::Channel;

/// The nearest pixels of an image.
pub(super) struct Nearest<'a, T> {
    pub(super) src: View<'a, T>,
    pub(super) border: Border,
}

impl<T: Channel, const C: usize> Samples<T, C> for Nearest<'_, T> {
    #[inline(always)]
    fn pixel(&self, x: f32, y: f32) -> [T; C] {
        let Self { src, border } = self;
        let round = |v: f32| (v + 0.5).floor().clamp(-1e12, 1e12) as i64;
        let x = border.index(round(x), src.width);
        let y = border.index(round(y), src.height);
        match x.zip(y) {
            Some((x, y)) => {
                let start = (y * src.width + x) * C;
                let pixel = &src.data[start..start + C];
                std::array::from_fn(|c| pixel[c])
            }
            None => [border.constant(); C],
        }
    }
}
