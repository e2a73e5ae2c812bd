//! NCCL on one device: a single rank.

use candle_core::{DType, Device, Tensor};
use fkp_mpi::NcclCommunicator;
use fkp_train::{Communicator, SingleProcess};

#[test]
fn a_single_rank_has_its_own_tensors() {
    let Ok(device) = Device::new_cuda(0) else {
        println!("SKIPPED: there is no CUDA device");
        return;
    };
    let communicator = NcclCommunicator::new(SingleProcess, &device).unwrap();
    for dtype in [DType::F32, DType::F64, DType::U32, DType::I64] {
        let tensor = Tensor::arange(0i64, 6, &device).unwrap();
        let tensor = tensor.to_dtype(dtype).unwrap().narrow(0, 2, 4).unwrap();
        let sum = communicator.all_reduce_sum(&tensor).unwrap();
        let root = communicator.broadcast(&tensor, 0).unwrap();
        for result in [sum, root] {
            let values: Vec<i64> = result.to_dtype(DType::I64).unwrap().to_vec1().unwrap();
            assert_eq!(values, [2, 3, 4, 5], "{dtype:?}");
        }
    }
    let error = NcclCommunicator::new(SingleProcess, &Device::Cpu).err();
    assert!(error.unwrap().to_string().contains("is not a CUDA device"));
}
