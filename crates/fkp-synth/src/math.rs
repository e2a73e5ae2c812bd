//! Vectors, colors, smooth edges and hashing for the renderer.

/// A vector or point: x to the right of the image, y down, z toward the viewer.
pub(crate) type Vec3 = [f32; 3];

pub(crate) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn add(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(crate) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(crate) fn scaled(v: Vec3, by: f32) -> Vec3 {
    v.map(|c| c * by)
}

pub(crate) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// Length of a vector in the plane, without the overflow checks that make `hypot` slow.
pub(crate) fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

pub(crate) fn normalized(v: Vec3) -> Vec3 {
    let scale = 1.0 / dot(v, v).sqrt().max(1e-9);
    v.map(|c| c * scale)
}

pub(crate) fn mix(a: f32, b: f32, amount: f32) -> f32 {
    a + (b - a) * amount
}

/// The same for each component.
pub(crate) fn blend(a: Vec3, b: Vec3, amount: f32) -> Vec3 {
    std::array::from_fn(|i| mix(a[i], b[i], amount))
}

/// 0 below `low`, 1 above `high`, smooth between; `low` may be larger than `high`.
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The coverage of a pixel of width `px` by a shape whose signed distance from the pixel center is
/// `distance` (negative inside).
pub(crate) fn coverage(distance: f32, px: f32) -> f32 {
    (0.5 - distance / px).clamp(0.0, 1.0)
}

/// A falloff of height 1 and radius 1 as a function of the squared radius: `(1 − r²)³` (Wyvill et
/// al., *Data structure for soft objects*, 1986). Unlike a Gaussian it is zero beyond its radius.
pub(crate) fn falloff(r2: f32) -> f32 {
    let u = (1.0 - r2).max(0.0);
    u * u * u
}

/// 1 on a line of this half width, 0 beyond it, as a function of the distance from the line.
pub(crate) fn ridge(distance: f32, half_width: f32) -> f32 {
    let t = distance / half_width;
    let u = (1.0 - t * t).max(0.0);
    u * u
}

/// A hash of a number: two rounds of the finalizer of MurmurHash3 (Appleby).
pub(crate) fn hash(index: u32, seed: u32) -> u32 {
    let mut h = index.wrapping_mul(0x9e37_79b1).wrapping_add(seed);
    for _ in 0..2 {
        h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
        h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
    }
    h
}
