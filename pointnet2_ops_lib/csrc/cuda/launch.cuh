// How kernels are started: on the stream that torch uses, on the device of the tensors, one thread for each entry.
#pragma once

#include <algorithm>
#include <cstdint>

#include <cuda_runtime.h>

#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/macros.h>
#include <torch/headeronly/util/Half.h>
#include <torch/headeronly/util/shim_utils.h>

#include "../kernels.h"

namespace pointnet2_ops::cuda {

using torch::headeronly::Half;

constexpr int THREADS = 256;
constexpr int64_t MOST_BLOCKS = 65535;

// Lives through a launch: makes the tensor's device current and names its stream.
class Launch {
 public:
  explicit Launch(const Tensor& tensor) : guard_(tensor.get_device_index()) {
    void* stream = nullptr;
    TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }
  cudaStream_t stream() const { return stream_; }

 private:
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_;
};

// Blocks for `entries` entries; a kernel strides over what is left beyond MOST_BLOCKS.
inline unsigned blocks_for(int64_t entries) {
  return static_cast<unsigned>(std::min((entries + THREADS - 1) / THREADS, MOST_BLOCKS));
}

__device__ inline int64_t first_entry() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline int64_t entry_stride() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

// Features, unlike coordinates, may be of half precision too.
template <typename Function>
void with_feature_type(ScalarType type, const Function& function) {
  if (type == ScalarType::Half) {
    return function(Half{});
  }
  with_float_type(type, function);
}

}  // namespace pointnet2_ops::cuda
