// SPDX-License-Identifier: BSD-3-Clause
//
// The part of CUDA's language that the kernels use, on the processor: each thread of a block is a
// fiber that runs until a collective and waits there for the others. Included before a kernel file.
//
// Stricter than a GPU where it can be: shared memory starts as NaN, lanes run in ascending and
// descending order in turn so that a missing barrier shows, and a collective that not all lanes of
// a warp reach, or reach at different places, ends the process.
#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#define __device__
#define __global__

namespace emulation {

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

enum class State { ready, at_warp_barrier, at_block_barrier, done };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  State state;
  const char* place;       // of the collective it waits at
  unsigned char given[16]; // to the other lanes
};

constexpr size_t stack_bytes = 256 * 1024;

struct Machine {
  std::vector<Fiber> fibers;
  std::vector<unsigned char> shared;
  ucontext_t scheduler;
  int current = 0;
  Dim thread, block, block_size, grid_size;
  void (*kernel)(const void*);
  const void* arguments;
};

inline Machine machine;

[[noreturn]] inline void fail(const char* problem, const char* place) {
  std::fprintf(
      stderr, "emulated GPU: block %u, thread %d: %s at %s\n", machine.block.x, machine.current,
      problem, place);
  std::abort();
}

inline void start() {
  machine.kernel(machine.arguments);
  machine.fibers[machine.current].state = State::done;
  swapcontext(&machine.fibers[machine.current].context, &machine.scheduler);
}

inline void wait(State state, const char* place) {
  Fiber& own = machine.fibers[machine.current];
  own.state = state;
  own.place = place;
  swapcontext(&own.context, &machine.scheduler);
}

inline void warp_barrier(const char* place) {
  wait(State::at_warp_barrier, place);
}

/// Gives `value` to the warp and takes what lane `from` gave.
template <class T> T exchange(T value, int from, const char* place) {
  static_assert(sizeof(T) <= sizeof(Fiber::given));
  std::memcpy(machine.fibers[machine.current].given, &value, sizeof(T));
  warp_barrier(place);
  std::memcpy(&value, machine.fibers[machine.current / 32 * 32 + from].given, sizeof(T));
  warp_barrier(place);
  return value;
}

/// Lets the fibers from begin to end - 1 go on if all wait for the same, or all are done.
inline bool release(int begin, int end, State state) {
  int waiting = 0, done = 0;
  for (int t = begin; t < end; ++t) {
    waiting += machine.fibers[t].state == state;
    done += machine.fibers[t].state == State::done;
  }
  if (waiting == 0) {
    return false;
  }
  machine.current = begin;
  if (state == State::at_block_barrier) {
    if (waiting + done < end - begin) {
      return false;
    }
  } else if (waiting < end - begin) {
    fail("not all lanes of the warp reach the collective", machine.fibers[begin].place);
  }
  for (int t = begin; t < end; ++t) {
    Fiber& fiber = machine.fibers[t];
    if (fiber.state == state) {
      if (state == State::at_warp_barrier && fiber.place != machine.fibers[begin].place) {
        fail("lanes meet in different collectives", fiber.place);
      }
      fiber.state = State::ready;
    }
  }
  return true;
}

inline void run_block() {
  const int n = static_cast<int>(machine.block_size.x);
  machine.fibers.resize(n);
  for (Fiber& fiber : machine.fibers) {
    if (!fiber.stack) {
      fiber.stack.reset(new char[stack_bytes]);
    }
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, start, 0);
    fiber.state = State::ready;
  }
  std::memset(machine.shared.data(), 0xff, machine.shared.size());
  for (bool ascending = true;; ascending = !ascending) {
    for (int k = 0; k < n; ++k) {
      machine.current = ascending ? k : n - 1 - k;
      Fiber& fiber = machine.fibers[machine.current];
      if (fiber.state == State::ready) {
        machine.thread.x = machine.current;
        swapcontext(&machine.scheduler, &fiber.context);
      }
    }
    bool released = release(0, n, State::at_block_barrier), alive = false;
    for (int begin = 0; begin < n; begin += 32) {
      released = release(begin, begin + 32, State::at_warp_barrier) || released;
    }
    for (const Fiber& fiber : machine.fibers) {
      alive = alive || fiber.state != State::done;
    }
    if (!alive) {
      return;
    }
    if (!released) {
      fail("threads wait for each other for ever", "a barrier");
    }
  }
}

} // namespace emulation

#define EMULATION_TEXT(x) #x
#define EMULATION_LINE(x) EMULATION_TEXT(x)
#define EMULATION_PLACE __FILE__ ":" EMULATION_LINE(__LINE__)

#define threadIdx emulation::machine.thread
#define blockIdx emulation::machine.block
#define blockDim emulation::machine.block_size
#define gridDim emulation::machine.grid_size
#define __syncthreads() emulation::wait(emulation::State::at_block_barrier, EMULATION_PLACE)
#define __syncwarp() emulation::warp_barrier(EMULATION_PLACE)
#define __shfl_xor_sync(mask, value, step)                                                         \
  emulation::exchange(value, static_cast<int>(threadIdx.x % 32 ^ (step)), EMULATION_PLACE)
#define __shfl_sync(mask, value, from) emulation::exchange(value, from, EMULATION_PLACE)
#define __ballot_sync(mask, condition) emulation::ballot(condition, EMULATION_PLACE)
#define __popc(bits) __builtin_popcount(bits)
#define __ffs(bits) __builtin_ffs(static_cast<int>(bits))

namespace emulation {

inline unsigned ballot(bool condition, const char* place) {
  machine.fibers[machine.current].given[0] = condition;
  warp_barrier(place);
  unsigned bits = 0;
  for (int k = 0; k < 32; ++k) {
    bits |= unsigned{machine.fibers[machine.current / 32 * 32 + k].given[0] != 0} << k;
  }
  warp_barrier(place);
  return bits;
}

} // namespace emulation

#define DYNAMIC_SHARED(name) unsigned char* name = emulation::machine.shared.data()
#define KERNEL(name, Arguments)                                                                    \
  void name(const Arguments& x);                                                                   \
  extern "C" void emulated_##name(const void* x) {                                                 \
    name(*static_cast<const Arguments*>(x));                                                       \
  }                                                                                                \
  void name(const Arguments& x)

// A fiber is never interrupted.
template <class T> T atomicAdd(T* to, T value) {
  const T before = *to;
  *to += value;
  return before;
}
template <class T> T atomicMax(T* to, T value) {
  const T before = *to;
  *to = value > before ? value : before;
  return before;
}

template <class T> T __ldg(const T* from) {
  return *from;
}

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};

using std::exp;
using std::fabs;
using std::floor;
using std::log1p;
using std::sqrt;

template <class T> void sincospi(T x, T* sine, T* cosine) {
  const T angle = T(3.14159265358979323846) * x;
  *sine = std::sin(angle);
  *cosine = std::cos(angle);
}

/// Runs one of this file's kernels: what the host's side calls.
extern "C" void emulate(
    void (*kernel)(const void*), unsigned blocks, unsigned passes, unsigned threads,
    unsigned shared_bytes, const void* arguments) {
  emulation::Machine& m = emulation::machine;
  m.kernel = kernel;
  m.arguments = arguments;
  m.block_size.x = threads;
  m.grid_size.x = blocks;
  m.grid_size.y = passes;
  m.shared.resize(shared_bytes);
  for (m.block.y = 0; m.block.y < passes; ++m.block.y) {
    for (m.block.x = 0; m.block.x < blocks; ++m.block.x) {
      emulation::run_block();
    }
  }
}
