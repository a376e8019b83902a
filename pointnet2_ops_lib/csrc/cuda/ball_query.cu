// The first points, in the order of their numbers, within a radius of each centre: one thread for each centre.

#include "launch.cuh"

namespace pointnet2_ops::cuda {
namespace {

template <typename scalar>
__global__ void ball_query_kernel(const scalar* points, const scalar* centres, scalar squared_radius, int64_t entries,
                                  int64_t count, int64_t centres_each, int64_t wanted, int32_t* indices) {
  for (int64_t entry = first_entry(); entry < entries; entry += entry_stride()) {
    // Neighbouring threads read the same point at the same time, which the cache serves at once.
    const scalar* cloud = points + entry / centres_each * count * 3;
    const scalar *centre = centres + entry * 3, x = centre[0], y = centre[1], z = centre[2];
    int32_t* found = indices + entry * wanted;
    int64_t hits = 0;
    for (int64_t point = 0; point < count && hits < wanted; ++point) {
      const scalar dx = cloud[point * 3] - x, dy = cloud[point * 3 + 1] - y, dz = cloud[point * 3 + 2] - z;
      if (dx * dx + dy * dy + dz * dz < squared_radius) {
        found[hits++] = static_cast<int32_t>(point);
      }
    }
    for (int64_t place = hits; hits > 0 && place < wanted; ++place) {
      found[place] = found[0];
    }
  }
}

}  // namespace

void ball_query(const Tensor& points, const Tensor& centres, double radius, const Tensor& indices) {
  if (indices.numel() == 0) {
    return;
  }
  const Launch launch(points);
  const int64_t entries = centres.size(0) * centres.size(1);
  with_float_type(points.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    const scalar squared_radius = static_cast<scalar>(radius) * static_cast<scalar>(radius);
    ball_query_kernel<scalar><<<blocks_for(entries), THREADS, 0, launch.stream()>>>(
        points.const_data_ptr<scalar>(), centres.const_data_ptr<scalar>(), squared_radius, entries, points.size(1),
        centres.size(1), indices.size(2), indices.mutable_data_ptr<int32_t>());
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pointnet2_ops::cuda
