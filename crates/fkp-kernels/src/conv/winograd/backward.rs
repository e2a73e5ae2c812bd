//! The backward pass: the adjoint of each operation of the forward pass, in reverse.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::plan::{Block, Plan};
use super::tiles::{PointRows, Points, input_to_points, load_square};
use super::transform::{InputAdjoint, OUT, OutputAdjoint, POINTS, Transform};
use super::weights::{Rows, from_points, to_points};
use crate::conv::batch::{GroupImage, sum_over_groups};
use crate::conv::buffers::BackwardInputs;
use crate::conv::config::Pooling;
use crate::conv::epilogue::route;
use crate::conv::geometry::Geometry;
use crate::matmul::{Product, Strided, Write};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};
use crate::weighted_op::OpGradients;

/// See [`crate::conv::algorithm::backward`].
pub(crate) fn backward(g: &Geometry, inputs: &BackwardInputs<'_>) -> OpGradients {
    let plan = Plan::new(g);
    let w_len = inputs.w.len();
    let mut dx = inputs.new_input_gradient();
    let u_len = if dx.is_some() { plan.weights_len() } else { 0 };
    let mut dw = with_scratch(u_len, |u| {
        if dx.is_some() {
            to_points(inputs.w, g.c_out, g.c_in, Rows::Out, u);
        }
        let u = &*u;
        sum_over_groups(g, dx.as_deref_mut(), w_len + g.c_out, |group, sums| {
            let (dw, db) = sums.split_at_mut(w_len);
            with_scratch(plan.weights_len() + plan.c_out, |sums| {
                let (du, padded_db) = sums.split_at_mut(plan.weights_len());
                padded_db.fill(0.0);
                group.for_each_image(|image| {
                    let sums = Sums {
                        du: &mut *du,
                        db: Some(&mut *padded_db),
                    };
                    image_gradients(g, &plan, inputs, u, sums, image);
                });
                from_points(du, g.c_out, g.c_in, dw);
                db.copy_from_slice(&padded_db[..g.c_out]);
            });
        })
    });
    let bias = dw.split_off(w_len);
    OpGradients {
        x: dx,
        w: Some(dw),
        bias,
    }
}

/// Gradients of the transformed weights and of the padded bias, summed over images.
pub(super) struct Sums<'a> {
    pub(super) du: &'a mut [f32],
    /// `None` without a bias.
    pub(super) db: Option<&'a mut [f32]>,
}

fn image_gradients(
    g: &Geometry,
    plan: &Plan,
    inputs: &BackwardInputs<'_>,
    u: &[f32],
    sums: Sums<'_>,
    image: GroupImage<'_>,
) {
    let GroupImage { index, write, dx } = image;
    let values = inputs.image(g, index);
    let (input_len, points_len) = (plan.input.len(), plan.points_len());
    let dx_len = if dx.is_some() { input_len } else { 0 };
    let len = input_len + dx_len + points_len + plan.output.len();
    with_scratch(len, |scratch| {
        let (input, rest) = scratch.split_at_mut(input_len);
        let (dx_frame, rest) = rest.split_at_mut(dx_len);
        let (points, dy) = rest.split_at_mut(points_len);
        let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
        plan.input.pack(values.x, input);
        values.pack_output_gradient(g, &plan.output, dy);
        dx_frame.fill(0.0);
        dispatch(Backward {
            plan,
            input,
            output: OutputGradient {
                dy,
                argmax: values.argmax,
            },
            u,
            v,
            m,
            sums,
            write,
            dx: dx_frame,
        });
        if let Some(dx) = dx {
            plan.input.unpack(dx_frame, dx);
        }
    });
}

/// The gradients of one image.
pub(super) struct Backward<'a> {
    pub(super) plan: &'a Plan,
    /// The input frame.
    pub(super) input: &'a [f32],
    pub(super) output: OutputGradient<'a>,
    pub(super) u: &'a [f32],
    /// Memory for the points of one block.
    pub(super) v: &'a mut [f32],
    pub(super) m: &'a mut [f32],
    pub(super) sums: Sums<'a>,
    /// How the first block is added to `sums.du`.
    pub(super) write: Write,
    /// Gradient of the input, in its frame; empty if not needed.
    pub(super) dx: &'a mut [f32],
}

/// Gradient of the output, in its frame.
pub(super) struct OutputGradient<'a> {
    pub(super) dy: &'a [f32],
    /// Index of the maximum of each window; empty without pooling.
    pub(super) argmax: &'a [u8],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            output,
            u,
            v,
            m,
            sums: Sums { du, mut db },
            mut write,
            dx,
        } = self;
        let &Plan { c_in, c_out, .. } = plan;
        let matrix = c_in * c_out;
        for block in plan.blocks() {
            let rows = PointRows::new(v, plan.v_stride(), c_in);
            input_to_points(s, plan, input, block, rows);
            let rows = PointRows::new(m, plan.m_stride(), c_out);
            output_to_points(s, plan, &output, block, rows, db.as_deref_mut());
            let weights = Product {
                m: c_in,
                n: c_out,
                a_row_stride: 1,
                a_columns: Strided {
                    count: block.count,
                    stride: c_in,
                },
                b_row_stride: c_out,
                dst_row_stride: c_out,
            };
            let pixels = Product {
                m: block.count,
                n: c_in,
                a_row_stride: c_out,
                a_columns: Strided {
                    count: c_out,
                    stride: 1,
                },
                b_row_stride: c_in,
                dst_row_stride: c_in,
            };
            for point in 0..POINTS {
                let v = &mut v[point * plan.v_stride()..][..plan.v_stride()];
                let m = &m[point * plan.m_stride()..][..plan.m_stride()];
                weights.run(s, v, m, &mut du[point * matrix..][..matrix], write);
                if !dx.is_empty() {
                    pixels.run(s, m, &u[point * matrix..][..matrix], v, Write::Overwrite);
                }
            }
            write = Write::Accumulate;
            if !dx.is_empty() {
                let points = Points {
                    values: v,
                    stride: plan.v_stride(),
                };
                points_to_input(s, plan, points, block, dx);
            }
        }
    }
}

/// Transforms the output gradient of a block of tiles to their points and adds it to the bias
/// gradient, if there is one.
#[inline(always)]
pub(super) fn output_to_points<S: Simd>(
    s: S,
    plan: &Plan,
    output: &OutputGradient<'_>,
    block: Block,
    rows: PointRows<'_>,
    mut db: Option<&mut [f32]>,
) {
    let &OutputGradient { dy, argmax } = output;
    let Block { first, count } = block;
    let depth = plan.c_out;
    let line = plan.output.frame_w * depth;
    assert!(first + count <= plan.tiles && dy.len() == plan.output.len());
    assert!(plan.pooling == Pooling::None || argmax.len() == dy.len());
    rows.check(count, depth);
    for t in 0..count {
        let corner = plan.output_offset(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            let pixels = match plan.pooling {
                // SAFETY: the output frame consists of whole tiles of 4×4 pixels.
                Pooling::None => unsafe {
                    load_square(s, dy.as_ptr().add(corner + c), line, depth)
                },
                Pooling::Max2 => {
                    let mut pixels = [[s.splat_f32s(0.0); OUT]; OUT];
                    for y in 0..OUT / 2 {
                        for x in 0..OUT / 2 {
                            let offset = corner + y * line + x * depth + c;
                            // SAFETY: the output frame consists of whole tiles of 2×2 values, and
                            // the argmax buffer has its length.
                            let (grad, index) = unsafe {
                                (
                                    s.load(dy.as_ptr().add(offset)),
                                    s.load_bytes(argmax.as_ptr().add(offset)),
                                )
                            };
                            for i in 0..4 {
                                pixels[2 * y + i / 2][2 * x + i % 2] = route(s, grad, index, i);
                            }
                        }
                    }
                    pixels
                }
            };
            // SAFETY: the rows of the block were checked, c + LANES <= depth, and the rows of two
            // tasks differ.
            unsafe { rows.store(s, t, c, &OutputAdjoint.apply_2d(s, &pixels)) };
            if let Some(db) = db.as_deref_mut() {
                add_to_bias(s, &pixels, &mut db[c..]);
            }
        }
    }
}

/// Adds the gradient of one tile to that of the bias.
#[inline(always)]
fn add_to_bias<S: Simd>(s: S, pixels: &[[S::f32s; OUT]; OUT], db: &mut [f32]) {
    assert!(db.len() >= S::F32_LANES);
    let mut sum = s.splat_f32s(0.0);
    for row in pixels {
        sum = s.add_f32s(
            sum,
            s.add_f32s(s.add_f32s(row[0], row[1]), s.add_f32s(row[2], row[3])),
        );
    }
    // SAFETY: asserted above.
    unsafe { s.store(db.as_mut_ptr(), s.add_f32s(s.load(db.as_ptr()), sum)) };
}

/// Adds the input gradient of a block of tiles to the frame; tiles overlap.
#[inline(always)]
pub(super) fn points_to_input<S: Simd>(
    s: S,
    plan: &Plan,
    points: Points<'_>,
    block: Block,
    dx: &mut [f32],
) {
    let Block { first, count } = block;
    let depth = plan.c_in;
    let line = plan.input.frame_w * depth;
    assert!(first + count <= plan.tiles && dx.len() == plan.input.len());
    points.check(count, depth);
    for t in 0..count {
        let corner = plan.input_offset(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            // SAFETY: t < count, for which the points were checked; c + LANES <= depth.
            let values = unsafe { points.load(s, (t, depth), c) };
            let pixels = InputAdjoint.apply_2d(s, &values);
            for (y, row) in pixels.iter().enumerate() {
                for (x, &value) in row.iter().enumerate() {
                    // SAFETY: the frame has two more rows and columns than the tiles' output.
                    unsafe {
                        let to = dx.as_mut_ptr().add(corner + y * line + x * depth + c);
                        s.store(to, s.add_f32s(s.load(to), value));
                    }
                }
            }
        }
    }
}
