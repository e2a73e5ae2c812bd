//! Where the values of an image are: which frame each map has, so that all that read it find the zeros
//! that they need around it.

use super::node::{Conv, Kind, Node, Shape, Value};
use crate::conv::Reads;
use crate::layout::{Frame, Grid};

/// The layouts of all values.
pub(super) struct Layouts {
    /// Whether the output depends on a value.
    pub(super) live: Vec<bool>,
    /// How many operations read a value, the output counting as one.
    pub(super) uses: Vec<usize>,
    /// Of each map, as pixels.
    pub(super) frames: Vec<Option<Frame>>,
    /// Whether a flattened map keeps the order of its pixels: all that read it are dense layers, whose
    /// weights are reordered instead.
    pub(super) in_pixels: Vec<bool>,
    /// The planes of the input with a border of zeros, if some operation needs them.
    pub(super) planes: Option<Planes>,
    /// Whether some operation reads the input as pixels.
    pub(super) packs_input: bool,
}

/// Planes with zeros around the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planes {
    pub(super) channels: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) frame_h: usize,
    pub(super) frame_w: usize,
    pub(super) margin: usize,
}

impl Planes {
    pub(super) fn len(&self) -> usize {
        self.channels * self.area()
    }

    pub(super) fn area(&self) -> usize {
        self.frame_h * self.frame_w
    }

    /// Whether they are the input itself.
    pub(super) fn is_tight(&self) -> bool {
        (self.margin, self.frame_h, self.frame_w) == (0, self.h, self.w)
    }

    /// As [`Frame::grid`].
    pub(super) fn grid(&self, border: usize) -> Grid {
        let start = self.margin - border;
        Grid {
            start: start * self.frame_w + start,
            pixel: 1,
            line: self.frame_w,
        }
    }
}

impl Layouts {
    pub(super) fn new(nodes: &[Node], output: Value) -> Self {
        let (live, uses) = live(nodes, output);
        let mut pixel_reads: Vec<Vec<Reads>> = vec![Vec::new(); nodes.len()];
        let mut plane_reads: Vec<Reads> = Vec::new();
        let mut packs_input = false;
        for (node, _) in nodes.iter().zip(&live).filter(|(_, live)| **live) {
            for (position, value) in node.inputs.iter().enumerate() {
                if let (Some(reads), 0) = (reads(node), position) {
                    if reads_planes(node) {
                        plane_reads.push(reads);
                        continue;
                    }
                    pixel_reads[value.0].push(reads);
                }
                packs_input |= value.0 == 0;
            }
        }
        let extent = |reads: &[Reads], h: usize, w: usize| {
            let margin = reads.iter().map(|r| r.border).max().unwrap_or(0);
            let rows = reads.iter().map(|r| r.h).max().unwrap_or(0).max(h);
            let columns = reads.iter().map(|r| r.w).max().unwrap_or(0).max(w);
            (margin, margin + rows, margin + columns)
        };
        let frame = |(node, reads): (&Node, &Vec<Reads>)| match node.shape {
            Shape::Vector(_) => None,
            Shape::Map { channels, h, w } => {
                let (margin, frame_h, frame_w) = extent(reads, h, w);
                Some(Frame {
                    channels,
                    h,
                    w,
                    frame_h,
                    frame_w,
                    margin,
                })
            }
        };
        let planes = match nodes[0].shape {
            Shape::Map { channels, h, w } if !plane_reads.is_empty() => {
                let (margin, frame_h, frame_w) = extent(&plane_reads, h, w);
                Some(Planes {
                    channels,
                    h,
                    w,
                    frame_h,
                    frame_w,
                    margin,
                })
            }
            _ => None,
        };
        Self {
            frames: nodes.iter().zip(&pixel_reads).map(frame).collect(),
            in_pixels: in_pixels(nodes, &live, output),
            live,
            uses,
            planes,
            packs_input: packs_input || output.0 == 0,
        }
    }
}

/// Whether an operation is a convolution that reads the planes of the network's input.
pub(super) fn reads_planes(node: &Node) -> bool {
    first_conv(node)
        .is_some_and(|conv| node.inputs[0].0 == 0 && Reads::planes(&conv.geometry, conv.channels))
}

/// What an operation reads of its first input, if that is more than the image.
fn reads(node: &Node) -> Option<Reads> {
    match (&node.kind, first_conv(node)) {
        (Kind::ConvTranspose(conv), _) => Some(conv.phases.reads()),
        (_, Some(conv)) => Some(Reads::new(&conv.geometry, conv.channels)),
        (_, None) => None,
    }
}

/// The convolution that reads an operation's first input.
fn first_conv(node: &Node) -> Option<&Conv> {
    match &node.kind {
        Kind::Conv(conv) => Some(conv),
        Kind::Bottleneck(convs) => Some(&convs[0]),
        Kind::Input
        | Kind::ConvTranspose(_)
        | Kind::Pool { .. }
        | Kind::GlobalAvgPool
        | Kind::Upsample { .. }
        | Kind::ScaleChannels
        | Kind::Flatten
        | Kind::Add
        | Kind::Activation(_)
        | Kind::PRelu(_)
        | Kind::SoftArgmax(_)
        | Kind::Linear(_) => None,
    }
}

/// Whether the output depends on each value, and how many operations read it, the output counting as
/// one.
pub(super) fn live(nodes: &[Node], output: Value) -> (Vec<bool>, Vec<usize>) {
    let (mut live, mut uses) = (vec![false; nodes.len()], vec![0; nodes.len()]);
    live[output.0] = true;
    uses[output.0] = 1;
    for (i, node) in nodes.iter().enumerate().rev() {
        if live[i] {
            for value in &node.inputs {
                live[value.0] = true;
                uses[value.0] += 1;
            }
        }
    }
    (live, uses)
}

fn in_pixels(nodes: &[Node], live: &[bool], output: Value) -> Vec<bool> {
    let flattened = |node: &Node| matches!(node.kind, Kind::Flatten);
    let mut in_pixels: Vec<bool> = nodes.iter().map(flattened).collect();
    in_pixels[output.0] = false;
    for (node, live) in nodes.iter().zip(live) {
        if *live && !matches!(node.kind, Kind::Linear(_)) {
            for value in &node.inputs {
                in_pixels[value.0] = false;
            }
        }
    }
    in_pixels
}
