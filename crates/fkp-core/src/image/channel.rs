//! The number formats of image channels.

/// A channel's number format: `u8` from 0 to 255, or `f32` from 0 to 1.
pub trait Channel: Copy + Default + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// The value of white: 255 or 1.
    const WHITE: f32;

    /// The value as `f32`, without scaling.
    fn to_f32(self) -> f32;

    /// The nearest value of this format; `u8` saturates, `f32` is taken as it is.
    fn from_f32(value: f32) -> Self;

    /// The values as bytes if the format is `u8`, for code with a fast path for bytes.
    fn bytes(data: &[Self]) -> Option<&[u8]>;

    /// The values as mutable bytes if the format is `u8`.
    fn bytes_mut(data: &mut [Self]) -> Option<&mut [u8]>;
}

mod sealed {
    /// Restricts [`super::Channel`] to the formats that every pixel operation supports.
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

impl Channel for u8 {
    const WHITE: f32 = 255.0;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        // `as` saturates and takes NaN to 0; half is added to round to nearest.
        (value + 0.5) as u8
    }

    fn bytes(data: &[u8]) -> Option<&[u8]> {
        Some(data)
    }

    fn bytes_mut(data: &mut [u8]) -> Option<&mut [u8]> {
        Some(data)
    }
}

impl Channel for f32 {
    const WHITE: f32 = 1.0;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    fn bytes(_data: &[f32]) -> Option<&[u8]> {
        None
    }

    fn bytes_mut(_data: &mut [f32]) -> Option<&mut [u8]> {
        None
    }
}
