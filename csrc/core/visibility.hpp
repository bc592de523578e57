// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// What is used from outside of the library that the core is part of, such as by the tests' device.
#define HIPNN_TS_API __attribute__((visibility("default")))
