// Chosen columns of a feature table, and the sum of gradients back into them.
//
// A look at the indices from the host would make it wait for the device. Instead every read is guarded: an index out of
// range gives NaN, and adds nothing to a gradient.

#include "launch.cuh"

namespace pointnet2_ops::cuda {
namespace {

template <typename scalar, typename index>
__global__ void gather_kernel(const scalar* features, const index* indices, int64_t entries, int64_t channels,
                              int64_t points, int64_t chosen, scalar* output) {
  for (int64_t entry = first_entry(); entry < entries; entry += entry_stride()) {
    const int64_t row = entry / chosen;
    const int64_t point = indices[row / channels * chosen + entry % chosen];
    const bool in_range = point >= 0 && point < points;
    output[entry] = in_range ? features[row * points + point] : static_cast<scalar>(nanf(""));
  }
}

template <typename scalar, typename index>
__global__ void gather_backward_kernel(const scalar* gradient, const index* indices, int64_t entries,
                                       int64_t channels, int64_t points, int64_t chosen, scalar* output) {
  for (int64_t entry = first_entry(); entry < entries; entry += entry_stride()) {
    const int64_t row = entry / chosen;
    const int64_t point = indices[row / channels * chosen + entry % chosen];
    if (point >= 0 && point < points) {
      atomicAdd(output + row * points + point, gradient[entry]);
    }
  }
}

}  // namespace

void gather_operation(const Tensor& features, const Tensor& indices, const Tensor& output) {
  if (output.numel() == 0) {
    return;
  }
  const Launch launch(features);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    with_feature_type(features.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      gather_kernel<scalar, index><<<blocks_for(output.numel()), THREADS, 0, launch.stream()>>>(
          features.const_data_ptr<scalar>(), indices.const_data_ptr<index>(), output.numel(), features.size(1),
          features.size(2), indices.size(1), output.mutable_data_ptr<scalar>());
    });
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

void gather_operation_backward(const Tensor& gradient, const Tensor& indices, const Tensor& output) {
  if (gradient.numel() == 0 || output.numel() == 0) {
    return;
  }
  const Launch launch(gradient);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    with_float_type(gradient.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      gather_backward_kernel<scalar, index><<<blocks_for(gradient.numel()), THREADS, 0, launch.stream()>>>(
          gradient.const_data_ptr<scalar>(), indices.const_data_ptr<index>(), gradient.numel(), gradient.size(1),
          output.size(2), indices.size(1), output.mutable_data_ptr<scalar>());
    });
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pointnet2_ops::cuda
