// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Marks functions that code outside the library uses, for example the device of the tests.
#define HIPNN_TS_API __attribute__((visibility("default")))
