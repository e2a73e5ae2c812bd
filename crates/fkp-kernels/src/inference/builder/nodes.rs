//! The operations so far, and their shapes.

use candle_core::{Result, bail};

use crate::inference::assembly::build;
use crate::inference::node::{Kind, Node, Shape, Value};
use crate::inference::plan::Plan;

/// Builds a [`Plan`] operation by operation.
#[derive(Debug)]
pub struct PlanBuilder {
    nodes: Vec<Node>,
}

impl PlanBuilder {
    /// A plan for images of this shape, `[channels, height, width]`.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new([channels, h, w]: [usize; 3]) -> Result<Self> {
        if channels == 0 || h == 0 || w == 0 {
            bail!("inference: the input [{channels}, {h}, {w}] must not have a size of 0");
        }
        let input = Node {
            kind: Kind::Input,
            inputs: Vec::new(),
            shape: Shape::Map { channels, h, w },
        };
        Ok(Self { nodes: vec![input] })
    }

    /// The input of the network.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// The plan that computes `output`: packs the weights and assigns the buffers. Operations that
    /// `output` does not depend on are left out.
    ///
    /// # Errors
    /// If the value is of another builder.
    pub fn build(self, output: Value) -> Result<Plan> {
        self.shape_of(output)?;
        Ok(build(self.nodes, output))
    }

    pub(super) fn shape_of(&self, value: Value) -> Result<Shape> {
        match self.nodes.get(value.0) {
            Some(node) => Ok(node.shape),
            None => bail!("inference: value {} is not of this builder", value.0),
        }
    }

    pub(super) fn map(&self, op: &str, value: Value) -> Result<(usize, usize, usize)> {
        match self.shape_of(value)? {
            Shape::Map { channels, h, w } => Ok((channels, h, w)),
            Shape::Vector(len) => bail!("{op}: a map is needed, got a vector of {len} values"),
        }
    }

    pub(super) fn push(&mut self, kind: Kind, inputs: Vec<Value>, shape: Shape) -> Value {
        self.nodes.push(Node {
            kind,
            inputs,
            shape,
        });
        Value(self.nodes.len() - 1)
    }
}
