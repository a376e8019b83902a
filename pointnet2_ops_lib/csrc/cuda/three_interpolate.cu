// Weighted sums of three columns of a feature table, and the sum of gradients back into them.
//
// Indices are guarded as in gather_operation.cu: NaN for one out of range, nothing added to a gradient.

#include <type_traits>

#include "launch.cuh"

namespace pointnet2_ops::cuda {
namespace {

// Weights and sums of half features are float.
template <typename scalar>
using wide = std::conditional_t<std::is_same_v<scalar, Half>, float, scalar>;

template <typename scalar, typename index>
__global__ void interpolate_kernel(const scalar* features, const index* indices, const wide<scalar>* weights,
                                   int64_t entries, int64_t channels, int64_t points, int64_t queries,
                                   scalar* output) {
  for (int64_t entry = first_entry(); entry < entries; entry += entry_stride()) {
    const int64_t row = entry / queries;
    const int64_t corner = (row / channels * queries + entry % queries) * 3;
    wide<scalar> sum = 0;
    for (int64_t place = corner; place < corner + 3; ++place) {
      const int64_t point = indices[place];
      const bool in_range = point >= 0 && point < points;
      sum += in_range ? static_cast<wide<scalar>>(features[row * points + point]) * weights[place]
                      : static_cast<wide<scalar>>(nanf(""));
    }
    output[entry] = static_cast<scalar>(sum);
  }
}

template <typename scalar, typename index>
__global__ void interpolate_backward_kernel(const scalar* gradient, const index* indices, const scalar* weights,
                                            int64_t entries, int64_t channels, int64_t points, int64_t queries,
                                            scalar* output) {
  for (int64_t entry = first_entry(); entry < entries; entry += entry_stride()) {
    const int64_t row = entry / queries;
    const int64_t corner = (row / channels * queries + entry % queries) * 3;
    for (int64_t place = corner; place < corner + 3; ++place) {
      const int64_t point = indices[place];
      if (point >= 0 && point < points) {
        atomicAdd(output + row * points + point, gradient[entry] * weights[place]);
      }
    }
  }
}

}  // namespace

void three_interpolate(const Tensor& features, const Tensor& indices, const Tensor& weights, const Tensor& output) {
  if (output.numel() == 0) {
    return;
  }
  const Launch launch(features);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    with_feature_type(features.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      interpolate_kernel<scalar, index><<<blocks_for(output.numel()), THREADS, 0, launch.stream()>>>(
          features.const_data_ptr<scalar>(), indices.const_data_ptr<index>(), weights.const_data_ptr<wide<scalar>>(),
          output.numel(), features.size(1), features.size(2), indices.size(1), output.mutable_data_ptr<scalar>());
    });
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

void three_interpolate_backward(const Tensor& gradient, const Tensor& indices, const Tensor& weights,
                                const Tensor& output) {
  if (gradient.numel() == 0 || output.numel() == 0) {
    return;
  }
  const Launch launch(gradient);
  with_index_type(indices.scalar_type(), [&](auto index_zero) {
    using index = decltype(index_zero);
    with_float_type(gradient.scalar_type(), [&](auto zero) {
      using scalar = decltype(zero);
      interpolate_backward_kernel<scalar, index><<<blocks_for(gradient.numel()), THREADS, 0, launch.stream()>>>(
          gradient.const_data_ptr<scalar>(), indices.const_data_ptr<index>(), weights.const_data_ptr<scalar>(),
          gradient.numel(), gradient.size(1), output.size(2), indices.size(1), output.mutable_data_ptr<scalar>());
    });
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pointnet2_ops::cuda
