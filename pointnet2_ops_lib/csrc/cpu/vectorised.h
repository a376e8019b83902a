#pragma once

// One wheel has to run on every x86-64 machine. The loader picks the widest copy of such a function that the processor
// can run. Contraction to fused multiply-add is off (setup.py), so all copies give the same bits.
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define POINTNET2_OPS_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define POINTNET2_OPS_VECTORISED
#endif
