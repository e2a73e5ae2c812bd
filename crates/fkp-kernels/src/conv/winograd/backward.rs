//! The backward pass: the adjoint of each step of the forward pass, in reverse.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use rayon::prelude::*;

use super::forward::to_points_block;
use super::transform::{IN, InputAdjoint, OUT, OutputAdjoint, POINTS, Transform};
use super::weights::{Rows, from_points, to_points};
use super::{Plan, cells};
use crate::conv::backward::{Gradients, Saved, Wanted, add_in_order, group_size};
use crate::conv::geometry::Geometry;
use crate::conv::{Conv2dConfig, Pooling};
use crate::matmul::Write;
use crate::microkernel::Product;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Computes the gradients; see [`crate::conv::backward::backward`].
pub(crate) fn backward(
    g: &Geometry,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
    wanted: Wanted,
) -> Gradients {
    let plan = Plan::new(g, config);
    let group = group_size(g.n);
    let w_len = saved.w.len();
    let partial_len = w_len + g.c_out;
    let mut dx = match wanted {
        Wanted::All => Some(vec![0.0f32; saved.x.len()]),
        Wanted::Parameters => None,
    };
    let u_len = if dx.is_some() { plan.weights_len() } else { 0 };
    let mut w = with_scratch(u_len + g.n.div_ceil(group) * partial_len, |scratch| {
        let (u, partials) = scratch.split_at_mut(u_len);
        if dx.is_some() {
            to_points(saved.w, g.c_out, g.c_in, Rows::Out, u);
        }
        let u = &*u;
        let one_group = |(index, partial): (usize, &mut [f32]), mut dx: Option<&mut [f32]>| {
            let (dw, db) = partial.split_at_mut(w_len);
            with_scratch(plan.weights_len() + plan.c_out, |sums| {
                let (du, db_sum) = sums.split_at_mut(plan.weights_len());
                db_sum.fill(0.0);
                for image in index * group..g.n.min((index + 1) * group) {
                    let first = image == index * group;
                    let at = (image - index * group) * g.x_len();
                    let dx = dx.as_deref_mut().map(|dx| &mut dx[at..][..g.x_len()]);
                    let write = if first {
                        Write::Overwrite
                    } else {
                        Write::Accumulate
                    };
                    one_image(
                        g,
                        &plan,
                        config,
                        saved,
                        grad,
                        image,
                        u,
                        (du, db_sum),
                        write,
                        dx,
                    );
                }
                from_points(du, g.c_out, g.c_in, dw);
                db.copy_from_slice(&db_sum[..g.c_out]);
            });
        };
        let tasks = partials.par_chunks_mut(partial_len).enumerate();
        match &mut dx {
            None => tasks.for_each(|task| one_group(task, None)),
            Some(dx) => tasks
                .zip(dx.par_chunks_mut(group * g.x_len()))
                .for_each(|(task, dx)| one_group(task, Some(dx))),
        }
        add_in_order(partials, partial_len)
    });
    let bias = w.split_off(w_len);
    Gradients { x: dx, w, bias }
}

#[expect(clippy::too_many_arguments, reason = "the buffers of one image")]
fn one_image(
    g: &Geometry,
    plan: &Plan,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
    image: usize,
    u: &[f32],
    (du, db): (&mut [f32], &mut [f32]),
    write: Write,
    dx: Option<&mut [f32]>,
) {
    let out_len = grad.len() / g.n;
    let grad = &grad[image * out_len..][..out_len];
    let points = POINTS * (plan.v_stride() + plan.m_stride());
    let dx_len = if dx.is_some() { plan.input.len() } else { 0 };
    let len = plan.input.len() + dx_len + points + plan.output.len();
    with_scratch(len, |scratch| {
        let (input, rest) = scratch.split_at_mut(plan.input.len());
        let (dx_frame, rest) = rest.split_at_mut(dx_len);
        let (points, dy) = rest.split_at_mut(points);
        plan.input
            .fill(&saved.x[image * g.x_len()..][..g.x_len()], input);
        let winners = match config.pooling {
            Pooling::Max2 => {
                plan.output.fill(grad, dy);
                Some(&saved.winners[image * dy.len()..][..dy.len()])
            }
            Pooling::None => {
                let y = &saved.y[image * out_len..][..out_len];
                with_scratch(out_len, |masked| {
                    config.activation.backward_into(masked, y, grad);
                    plan.output.fill(masked, dy);
                });
                None
            }
        };
        dx_frame.fill(0.0);
        dispatch(Tiles {
            plan,
            input,
            winners,
            dy,
            u,
            points,
            du,
            db,
            write,
            dx: dx_frame,
        });
        if let Some(dx) = dx {
            plan.input.extract(dx_frame, dx);
        }
    });
}

/// All tiles of one image.
struct Tiles<'a> {
    plan: &'a Plan,
    input: &'a [f32],
    /// Which value won each window, for a pooled convolution.
    winners: Option<&'a [u8]>,
    /// Gradient of the output, in its frame.
    dy: &'a [f32],
    u: &'a [f32],
    points: &'a mut [f32],
    du: &'a mut [f32],
    db: &'a mut [f32],
    write: Write,
    /// Gradient of the input, in its frame; empty if not wanted.
    dx: &'a mut [f32],
}

impl Kernel for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            winners,
            dy,
            u,
            points,
            du,
            db,
            mut write,
            dx,
        } = self;
        let &Plan { c_in, c_out, .. } = plan;
        let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
        let matrix = c_in * c_out;
        for first in (0..plan.tiles).step_by(plan.block) {
            let count = plan.block.min(plan.tiles - first);
            to_points_block(s, plan, input, first, count, v);
            match winners {
                None => dense_to_points(s, plan, dy, first, count, m, db),
                Some(winners) => pooled_to_points(s, plan, dy, winners, first, count, m, db),
            }
            let (a_row, a_col) = (1, c_in);
            let (b_row, dst_row) = (c_out, c_out);
            let weights = Product {
                m: c_in,
                n: c_out,
                k: count,
                a_row,
                a_col,
                b_row,
                dst_row,
            };
            let (a_row, a_col) = (c_out, 1);
            let (b_row, dst_row) = (c_in, c_in);
            let pixels = Product {
                m: count,
                n: c_in,
                k: c_out,
                a_row,
                a_col,
                b_row,
                dst_row,
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
                from_points_block(s, plan, v, first, count, dx);
            }
        }
    }
}

/// Transforms the output gradient of `count` tiles and adds it to the bias gradient.
#[inline(always)]
fn dense_to_points<S: Simd>(
    s: S,
    plan: &Plan,
    dy: &[f32],
    first: usize,
    count: usize,
    m: &mut [f32],
    db: &mut [f32],
) {
    let depth = plan.c_out;
    let line = plan.output.frame_w * depth;
    assert!(first + count <= plan.tiles && dy.len() == plan.output.len());
    for t in 0..count {
        let corner = plan.output_at(first + t, cells(Pooling::None));
        for c in (0..depth).step_by(S::F32_LANES) {
            let mut pixels = [[s.splat_f32s(0.0); OUT]; OUT];
            for (y, row) in pixels.iter_mut().enumerate() {
                for (x, v) in row.iter_mut().enumerate() {
                    // SAFETY: the output frame consists of whole tiles of 4×4 pixels.
                    *v = unsafe { s.load(dy.as_ptr().add(corner + y * line + x * depth + c)) };
                }
            }
            store_points(s, plan, &pixels, t, c, m, db);
        }
    }
}

/// As [`dense_to_points`], for the gradient of the pooled output.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "buffers of one block of tiles")]
fn pooled_to_points<S: Simd>(
    s: S,
    plan: &Plan,
    dy: &[f32],
    winners: &[u8],
    first: usize,
    count: usize,
    m: &mut [f32],
    db: &mut [f32],
) {
    let depth = plan.c_out;
    let cells = cells(Pooling::Max2);
    let line = plan.output.frame_w * depth;
    assert!(first + count <= plan.tiles && dy.len() == plan.output.len());
    assert_eq!(winners.len(), dy.len());
    let zero = s.splat_f32s(0.0);
    for t in 0..count {
        let corner = plan.output_at(first + t, cells);
        for c in (0..depth).step_by(S::F32_LANES) {
            let mut pixels = [[zero; OUT]; OUT];
            for y in 0..cells {
                for x in 0..cells {
                    let at = corner + y * line + x * depth + c;
                    // SAFETY: the output frame consists of whole tiles of 2×2 values, and the
                    // winners have its length.
                    let (grad, winner) = unsafe {
                        (
                            s.load(dy.as_ptr().add(at)),
                            s.load_bytes(winners.as_ptr().add(at)),
                        )
                    };
                    for i in 0..4 {
                        pixels[2 * y + i / 2][2 * x + i % 2] =
                            s.select_f32s(s.equal_f32s(winner, s.splat_f32s(i as f32)), grad, zero);
                    }
                }
            }
            store_points(s, plan, &pixels, t, c, m, db);
        }
    }
}

#[inline(always)]
fn store_points<S: Simd>(
    s: S,
    plan: &Plan,
    pixels: &[[S::f32s; OUT]; OUT],
    t: usize,
    c: usize,
    m: &mut [f32],
    db: &mut [f32],
) {
    let stride = plan.m_stride();
    assert!(t < plan.block && m.len() >= POINTS * stride);
    assert!(c + S::F32_LANES <= plan.c_out && db.len() == plan.c_out);
    let mut sum = s.splat_f32s(0.0);
    for row in pixels {
        sum = s.add_f32s(
            sum,
            s.add_f32s(s.add_f32s(row[0], row[1]), s.add_f32s(row[2], row[3])),
        );
    }
    let transformed = OutputAdjoint.apply_2d(s, pixels);
    // SAFETY: asserted above.
    unsafe {
        let db = db.as_mut_ptr().add(c);
        s.store(db, s.add_f32s(s.load(db), sum));
        for (point, &v) in transformed.as_flattened().iter().enumerate() {
            s.store(m.as_mut_ptr().add(point * stride + t * plan.c_out + c), v);
        }
    }
}

/// Adds the input gradient of `count` tiles to the frame; tiles overlap.
#[inline(always)]
fn from_points_block<S: Simd>(
    s: S,
    plan: &Plan,
    v: &[f32],
    first: usize,
    count: usize,
    dx: &mut [f32],
) {
    let (depth, stride) = (plan.c_in, plan.v_stride());
    let line = plan.input.frame_w * depth;
    assert!(first + count <= plan.tiles && count <= plan.block);
    assert!(dx.len() == plan.input.len() && v.len() >= POINTS * stride);
    for t in 0..count {
        let corner = plan.input_at(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            let mut points = [[s.splat_f32s(0.0); IN]; IN];
            for (point, value) in points.as_flattened_mut().iter_mut().enumerate() {
                // SAFETY: t < count <= block, so the load ends inside this point's stride.
                *value = unsafe { s.load(v.as_ptr().add(point * stride + t * depth + c)) };
            }
            let pixels = InputAdjoint.apply_2d(s, &points);
            for (y, row) in pixels.iter().enumerate() {
                for (x, &value) in row.iter().enumerate() {
                    // SAFETY: the frame has two more rows and columns than the tiles' output.
                    unsafe {
                        let at = dx.as_mut_ptr().add(corner + y * line + x * depth + c);
                        s.store(at, s.add_f32s(s.load(at), value));
                    }
                }
            }
        }
    }
}
