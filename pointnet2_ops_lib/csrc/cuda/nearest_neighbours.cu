// The nearest points of each query: one thread for each query, and tiles of the cloud that a block reads together.
//
// The N x M distances are never stored: a thread keeps its list, sorted, in its row of the output.

#include <limits>

#include "launch.cuh"

namespace pointnet2_ops::cuda {
namespace {

// Points come in the order of their numbers and an equal distance does not move ahead, so of two points at the same
// distance the lower number comes first.
template <typename scalar>
__device__ void insert(scalar distance, int32_t point, int64_t wanted, scalar* distances, int32_t* indices) {
  int64_t rank = wanted - 1;
  for (; rank > 0 && distance < distances[rank - 1]; --rank) {
    distances[rank] = distances[rank - 1];
    indices[rank] = indices[rank - 1];
  }
  distances[rank] = distance;
  indices[rank] = point;
}

template <typename scalar>
__global__ void nearest_neighbours_kernel(const scalar* queries, const scalar* points, scalar infinity,
                                          int64_t clouds, int64_t queries_each, int64_t count, int64_t wanted,
                                          scalar* distances, int32_t* indices) {
  __shared__ scalar tile[THREADS][3];
  // The last block of a cloud has threads without a query: they still help to read tiles.
  const int64_t query = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
  const bool active = query < queries_each;
  for (int64_t cloud = blockIdx.y; cloud < clouds; cloud += gridDim.y) {
    const int64_t row = cloud * queries_each + query;
    scalar* row_distances = distances + row * wanted;
    int32_t* row_indices = indices + row * wanted;
    scalar x = 0, y = 0, z = 0, worst = infinity;
    if (active) {
      x = queries[row * 3], y = queries[row * 3 + 1], z = queries[row * 3 + 2];
      for (int64_t rank = 0; rank < wanted; ++rank) {
        row_distances[rank] = infinity;
        row_indices[rank] = 0;
      }
    }
    for (int64_t start = 0; start < count; start += THREADS) {
      const int64_t length = start + THREADS < count ? THREADS : count - start;
      __syncthreads();  // no thread may still be reading the tile before
      if (threadIdx.x < length) {
        const scalar* point = points + (cloud * count + start + threadIdx.x) * 3;
        tile[threadIdx.x][0] = point[0];
        tile[threadIdx.x][1] = point[1];
        tile[threadIdx.x][2] = point[2];
      }
      __syncthreads();
      for (int64_t place = 0; active && place < length; ++place) {
        const scalar dx = tile[place][0] - x, dy = tile[place][1] - y, dz = tile[place][2] - z;
        const scalar distance = dx * dx + dy * dy + dz * dz;
        if (distance < worst) {
          insert(distance, static_cast<int32_t>(start + place), wanted, row_distances, row_indices);
          worst = row_distances[wanted - 1];
        }
      }
    }
  }
}

}  // namespace

void nearest_neighbours(const Tensor& queries, const Tensor& points, const Tensor& squared_distances,
                        const Tensor& indices) {
  if (indices.numel() == 0) {
    return;
  }
  const Launch launch(queries);
  const int64_t clouds = queries.size(0), queries_each = queries.size(1);
  const dim3 blocks(static_cast<unsigned>((queries_each + THREADS - 1) / THREADS),
                    static_cast<unsigned>(std::min(clouds, MOST_BLOCKS)));
  with_float_type(queries.scalar_type(), [&](auto zero) {
    using scalar = decltype(zero);
    nearest_neighbours_kernel<scalar><<<blocks, THREADS, 0, launch.stream()>>>(
        queries.const_data_ptr<scalar>(), points.const_data_ptr<scalar>(), std::numeric_limits<scalar>::infinity(),
        clouds, queries_each, points.size(1), indices.size(2), squared_distances.mutable_data_ptr<scalar>(),
        indices.mutable_data_ptr<int32_t>());
  });
  STD_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pointnet2_ops::cuda
