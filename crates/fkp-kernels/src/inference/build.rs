//! From the operations of a network to a plan.

use super::batch::{BatchOp, BatchPlan, BatchStep, Dense};
use super::bottlenecks::with_bottlenecks;
use super::image::{ImageOp, ImagePlan, Source, Step, Target};
use super::layouts::{Layouts, reads_planes};
use super::node::{Conv, Kind, Linear, Node, Residual, Shape, Value};
use super::ops::{
    BottleneckOp, ConvOp, Elementwise, GlobalMean, Pack, Pad, Pool, ResidualGrid, Tighten, Unpack,
};
use super::plan::{Head, Plan};
use crate::Activation;
use crate::conv::{Bottleneck, Geometry, InferenceConv, InputLayout, Layouts as ConvLayouts};
use crate::frame_pool::{FramePool, Reduction};
use crate::layout::{Frame, padded};

/// The plan that computes `output`, a value of `nodes`.
pub(super) fn build(nodes: Vec<Node>, output: Value) -> Plan {
    let nodes = with_bottlenecks(nodes, output);
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
    let x_len = len(nodes[0].shape);
    let out_len = len(nodes[output.0].shape);
    build.finish(output, (x_len, out_len))
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
enum Place {
    None,
    Slot(usize),
    /// Part of the row of the image.
    Row {
        start: usize,
        len: usize,
    },
    /// A buffer of the batch.
    Batch(usize),
}

struct Build<'a> {
    nodes: &'a [Node],
    layouts: &'a Layouts,
    /// How many operations have yet to read a value.
    remaining: Vec<usize>,
    places: Vec<Place>,
    /// The network's input as planes and as pixels.
    planes: Source,
    pixels: Source,
    image: ImagePlan,
    batch: BatchPlan,
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
            &Kind::Pool {
                kernel,
                stride,
                reduction,
            } => {
                let (input, output) = (self.frame(node.inputs[0]), self.frame(Value(i)));
                let pool = FramePool {
                    window: (kernel, kernel),
                    stride,
                    reduction,
                    depth: padded(input.channels),
                    input: input.grid(0),
                    h: output.h,
                    w: output.w,
                    output: output.grid(0),
                };
                self.map(i, Box::new(Pool(pool)), self.sources(node));
            }
            Kind::GlobalAvgPool => {
                let input = self.frame(node.inputs[0]);
                let depth = padded(input.channels);
                let pool = FramePool {
                    window: (input.h, input.w),
                    stride: 1,
                    reduction: Reduction::Mean,
                    depth,
                    input: input.grid(0),
                    h: 1,
                    w: 1,
                    output: Frame::tight(input.channels, 1, 1).grid(0),
                };
                self.row(i, Box::new(GlobalMean { pool }), node, input.channels);
            }
            Kind::Flatten => {
                let frame = self.frame(node.inputs[0]);
                if self.layouts.in_pixels[i] {
                    let len = frame.h * frame.w * padded(frame.channels);
                    self.row(i, Box::new(Tighten(frame)), node, len);
                } else {
                    let len = frame.channels * frame.h * frame.w;
                    self.row(i, Box::new(Unpack(frame)), node, len);
                }
            }
            Kind::Add => self.elementwise(i, node, Activation::Identity),
            Kind::Activation(activation) => self.elementwise(i, node, *activation),
            Kind::Linear(linear) => self.linear(i, node, linear),
        }
    }

    fn conv(&mut self, i: usize, node: &Node, conv: &Conv) {
        let (input, sources) = self.conv_input(node, &conv.geometry);
        let output = self.frame(Value(i));
        let layouts = ConvLayouts { input, output };
        let op = ConvOp {
            conv: InferenceConv::new(
                &conv.geometry,
                conv.channels,
                layouts,
                &conv.weight,
                &conv.bias,
            ),
            residual: self.residual(conv),
        };
        self.map(i, Box::new(op), sources);
    }

    fn bottleneck(&mut self, i: usize, node: &Node, convs: &[Conv; 3]) {
        let (input, sources) = self.conv_input(node, &convs[0].geometry);
        let weights = convs.each_ref().map(Conv::weights);
        let op = BottleneckOp {
            convs: Bottleneck::new(weights, input, self.frame(Value(i))),
            residual: self.residual(&convs[2]),
        };
        self.map(i, Box::new(op), sources);
    }

    /// Where a convolution reads its first input, and all inputs.
    fn conv_input(&self, node: &Node, g: &Geometry) -> (InputLayout, [Source; 2]) {
        let mut sources = self.sources(node);
        let input = match self.layouts.planes {
            Some(planes) if reads_planes(node) => {
                sources[0] = self.planes;
                InputLayout {
                    grid: planes.grid(g.padding),
                    channel: planes.area(),
                }
            }
            _ => InputLayout {
                grid: self.frame(node.inputs[0]).grid(g.padding),
                channel: 1,
            },
        };
        (input, sources)
    }

    fn residual(&self, conv: &Conv) -> ResidualGrid {
        match conv.residual {
            Residual::None => ResidualGrid::None,
            Residual::BeforeActivation(value) => {
                ResidualGrid::BeforeActivation(self.frame(value).grid(0))
            }
            Residual::AfterActivation(value) => {
                ResidualGrid::AfterActivation(self.frame(value).grid(0))
            }
        }
    }

    /// An operation on single values, of a map or of vectors.
    fn elementwise(&mut self, i: usize, node: &Node, activation: Activation) {
        if let Shape::Vector(len) = node.shape {
            let inputs = node.inputs.iter().map(|v| self.in_batch(*v)).collect();
            let op = match activation {
                Activation::Identity => BatchOp::Add,
                _ => BatchOp::Activation(activation),
            };
            self.push_batch(i, op, inputs, len);
            return;
        }
        let op = Elementwise {
            a: self.frame(node.inputs[0]),
            b: node.inputs.get(1).map(|value| self.frame(*value)),
            output: self.frame(Value(i)),
            activation,
        };
        self.map(i, Box::new(op), self.sources(node));
    }

    fn linear(&mut self, i: usize, node: &Node, linear: &Linear) {
        let input = node.inputs[0];
        let (n_in, n_out) = (len(self.nodes[input.0].shape), len(node.shape));
        let buffer = self.in_batch(input);
        let weight = match self.layouts.in_pixels[input.0] {
            false => linear.weight.clone(),
            true => {
                let frame = self.frame(self.nodes[input.0].inputs[0]);
                pixel_order(&frame, n_in, &linear.weight)
            }
        };
        let mut bias = linear.bias.clone();
        bias.resize(n_out, 0.0);
        let dense = Dense {
            n_in: weight.len() / n_out,
            n_out,
            weight,
            bias,
            activation: linear.activation,
        };
        self.push_batch(i, BatchOp::Linear(dense), vec![buffer], n_out);
    }

    fn frame(&self, value: Value) -> Frame {
        match (self.layouts.frames[value.0], self.nodes[value.0].shape) {
            (Some(frame), _) => frame,
            // The builder checks that these are maps.
            (None, shape) => Frame::tight(len(shape), 1, 1),
        }
    }

    /// Where the inputs of an operation on maps are.
    fn sources(&self, node: &Node) -> [Source; 2] {
        let mut sources = [Source::None; 2];
        for (source, value) in sources.iter_mut().zip(&node.inputs) {
            *source = match self.places[value.0] {
                Place::Slot(slot) => Source::Slot {
                    slot,
                    len: self.frame(*value).len(),
                },
                _ => self.pixels,
            };
        }
        sources
    }

    /// An operation whose value is a map.
    fn map(&mut self, i: usize, op: Box<dyn ImageOp>, inputs: [Source; 2]) {
        let frame = self.frame(Value(i));
        let slot = self.image.slots.take(frame.len());
        self.places[i] = Place::Slot(slot);
        self.push(op, inputs, Target::Frame { slot, frame });
        self.release_inputs(i);
    }

    /// An operation whose value is a part of the image's row.
    fn row(&mut self, i: usize, op: Box<dyn ImageOp>, node: &Node, len: usize) {
        let start = self.image.row_len;
        self.image.row_len += len;
        self.places[i] = Place::Row { start, len };
        self.push(op, self.sources(node), Target::Row { start, len });
        self.release_inputs(i);
    }

    fn push(&mut self, op: Box<dyn ImageOp>, inputs: [Source; 2], target: Target) {
        self.image.steps.push(Step { op, inputs, target });
    }

    /// The buffers of values that no later operation reads are free again.
    fn release_inputs(&mut self, i: usize) {
        for value in &self.nodes[i].inputs {
            self.remaining[value.0] -= 1;
            if self.remaining[value.0] == 0
                && let Place::Slot(slot) = self.places[value.0]
            {
                self.image.slots.release(slot);
            }
        }
    }

    /// The buffer of the batch that has a vector. The features are in the first; the other buffers
    /// are numbered when all features are known.
    fn in_batch(&mut self, value: Value) -> usize {
        match self.places[value.0] {
            Place::Batch(buffer) => buffer,
            Place::Row { start, len } => {
                let inputs = vec![0];
                self.push_batch(value.0, BatchOp::Columns { start }, inputs, len)
            }
            Place::None | Place::Slot(_) => 0,
        }
    }

    fn push_batch(&mut self, i: usize, op: BatchOp, inputs: Vec<usize>, len: usize) -> usize {
        if self.batch.lengths.is_empty() {
            // The features, whose length is set at the end.
            self.batch.lengths.push(0);
        }
        let target = self.batch.lengths.len();
        self.batch.lengths.push(len);
        self.places[i] = Place::Batch(target);
        self.batch.steps.push(BatchStep { op, inputs, target });
        target
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

fn len(shape: Shape) -> usize {
    match shape {
        Shape::Map { channels, h, w } => channels * h * w,
        Shape::Vector(len) => len,
    }
}

/// Weights `[n_out, channels · h · w]` in the order `[n_out, h · w, padded channels]`.
fn pixel_order(frame: &Frame, n_in: usize, weight: &[f32]) -> Vec<f32> {
    let (area, depth) = (frame.h * frame.w, padded(frame.channels));
    let rows = weight.len() / n_in;
    let mut ordered = vec![0.0; rows * area * depth];
    for (to, from) in ordered
        .chunks_exact_mut(area * depth)
        .zip(weight.chunks_exact(n_in))
    {
        for (c, plane) in from.chunks_exact(area).enumerate() {
            for (pixel, &value) in plane.iter().enumerate() {
                to[pixel * depth + c] = value;
            }
        }
    }
    ordered
}
