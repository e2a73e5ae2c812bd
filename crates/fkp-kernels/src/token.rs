//! Operations whose result is computed before they enter candle's graph, where they yield a token.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

/// An operation of three operands that yields a token: see [`crate::port`].
pub(crate) trait TokenOp: Send + Sync + 'static {
    const NAME: &'static str;

    /// The gradients of the operands; `grad` is that of the token.
    fn backward(&self, operands: [&Tensor; 3], grad: &Tensor) -> Result<[Option<Tensor>; 3]>;
}

/// The token of an operation, whose operands are these in candle's graph.
pub(crate) fn token<T: TokenOp>(op: T, operands: [&Tensor; 3]) -> Result<Tensor> {
    let [first, second, third] = operands;
    first.apply_op3(second, third, Token(op))
}

struct Token<T>(T);

impl<T: TokenOp> CustomOp3 for Token<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(1)))
    }

    fn bwd(
        &self,
        first: &Tensor,
        second: &Tensor,
        third: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [first, second, third] = self.0.backward([first, second, third], grad)?;
        Ok((first, second, third))
    }
}
