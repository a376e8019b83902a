// Exact farthest point sampling: one block for each cloud, whose threads share the points.

#include <limits>

#include <torch/csrc/stable/ops.h>

#include "launch.cuh"

namespace pointnet2_ops::cuda {
namespace {

constexpr int CLOUD_THREADS = 1024, WARP = 32, WARPS = CLOUD_THREADS / WARP;
constexpr int32_t NO_POINT = std::numeric_limits<int32_t>::max();

// A point and its distance from the picks so far. Any point is farther than "no point" at -infinity.
template <typename scalar>
struct Farthest {
  scalar distance;
  int32_t index;
};

// The farther of two; at the same distance the lower index.
template <typename scalar>
__device__ Farthest<scalar> farther(Farthest<scalar> one, Farthest<scalar> other) {
  const bool other_wins =
      other.distance > one.distance || (other.distance == one.distance && other.index < one.index);
  return other_wins ? other : one;
}

// The farthest of a warp's 32, in lane 0.
template <typename scalar>
__device__ Farthest<scalar> farthest_of_warp(Farthest<scalar> mine) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    const Farthest<scalar> other = {__shfl_down_sync(0xffffffffu, mine.distance, offset),
                                    __shfl_down_sync(0xffffffffu, mine.index, offset)};
    mine = farther(mine, other);
  }
  return mine;
}

// The farthest of all threads of the block, in thread 0. Every thread has to call it.
template <typename scalar>
__device__ Farthest<scalar> farthest_of_block(Farthest<scalar> mine, Farthest<scalar>* of_warps) {
  mine = farthest_of_warp(mine);
  if (threadIdx.x % WARP == 0) {
    of_warps[threadIdx.x / WARP] = mine;
  }
  __syncthreads();
  if (threadIdx.x < WARP) {
    mine = farthest_of_warp(of_warps[threadIdx.x]);
  }
  return mine;
}

// Takes a pick into account for this thread's points and returns the farthest of them.
template <typename scalar>
__device__ Farthest<scalar> update_points(const scalar* cloud, int64_t count, int32_t pick, scalar infinity,
                                          scalar* distances) {
  const scalar *position = cloud + static_cast<int64_t>(pick) * 3, x = position[0], y = position[1], z = position[2];
  Farthest<scalar> best = {-infinity, NO_POINT};
  for (int64_t point = threadIdx.x; point < count; point += CLOUD_THREADS) {
    const scalar dx = cloud[point * 3] - x, dy = cloud[point * 3 + 1] - y, dz = cloud[point * 3 + 2] - z;
    const scalar distance = dx * dx + dy * dy + dz * dz;
    const scalar kept = distance < distances[point] ? distance : distances[point];
    distances[point] = kept;
    best = farther(best, {kept, static_cast<int32_t>(point)});
  }
  return best;
}

template <typename scalar>
__global__ void __launch_bounds__(CLOUD_THREADS)
    furthest_point_kernel(const scalar* points, bool skip_near_origin, scalar infinity, int64_t clouds, int64_t count,
                          int64_t wanted, scalar* all_distances, int32_t* all_indices) {
  static_assert(WARPS == WARP, "the second round of farthest_of_block needs one lane for each warp");
  __shared__ Farthest<scalar> of_warps[WARPS];
  __shared__ int32_t pick;
  for (int64_t number = blockIdx.x; number < clouds; number += gridDim.x) {
    const scalar* cloud = points + number * count * 3;
    scalar* distances = all_distances + number * count;
    int32_t* indices = all_indices + number * wanted;
    // A thread reads only the distances that it wrote, so these need no barrier.
    for (int64_t point = threadIdx.x; point < count; point += CLOUD_THREADS) {
      const scalar x = cloud[point * 3], y = cloud[point * 3 + 1], z = cloud[point * 3 + 2];
      const bool skipped = skip_near_origin && static_cast<double>(x * x + y * y + z * z) <= NEAR_ORIGIN_SQUARED;
      distances[point] = skipped ? scalar(-1) : infinity;
    }
    int32_t last = 0;
    if (threadIdx.x == 0) {
      indices[0] = 0;
    }
    for (int64_t taken = 1; taken < wanted; ++taken) {
      const Farthest<scalar> best =
          farthest_of_block(update_points(cloud, count, last, infinity, distances), of_warps);
      if (threadIdx.x == 0) {
        pick = indices[taken] = best.index;
      }
      __syncthreads();  // all wait for the pick; and of_warps may be written again
      last = pick;
    }
  }
}

}  // namespace

void furthest_point_sample(const Tensor& points, bool skip_near_origin, const Tensor& indices) {
  if (indices.numel() == 0) {
    return;
  }
  const Launch launch(points);
  const int64_t clouds = points.size(0), count = points.size(1);
  const Tensor distances = torch::stable::new_empty(points, {clouds, count});
  with_float_type(points.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    const unsigned blocks = static_cast<unsigned>(std::min(clouds, MOST_BLOCKS));
    furthest_point_kernel<scalar><<<blocks, CLOUD_THREADS, 0, launch.stream()>>>(
        points.const_data_ptr<scalar>(), skip_near_origin, std::numeric_limits<scalar>::infinity(), clouds, count,
        indices.size(1), distances.mutable_data_ptr<scalar>(), indices.mutable_data_ptr<int32_t>());
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pointnet2_ops::cuda
