// SPDX-License-Identifier: BSD-3-Clause
#include "torch/unchanged.hpp"

namespace hipnn_ts {

Unchanged::Unchanged(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors) {
    seen_.push_back(
        {c10::weak_intrusive_ptr<c10::TensorImpl>(t.getIntrusivePtr()), t.const_data_ptr(),
         t.numel(), static_cast<uint32_t>(t._version())});
  }
}

bool Unchanged::are(const std::vector<at::Tensor>& tensors) const {
  for (size_t k = 0; k < tensors.size(); ++k) {
    const at::Tensor& t = tensors[k];
    // A weak pointer keeps the address of a destroyed tensor from being reused.
    if (seen_[k].tensor._unsafe_get_target() != t.unsafeGetTensorImpl() ||
        seen_[k].data != t.const_data_ptr() || seen_[k].size != t.numel() ||
        seen_[k].version != static_cast<uint32_t>(t._version())) {
      return false;
    }
  }
  return true;
}

bool Unchanged::past() const {
  for (const Seen& seen : seen_) {
    const auto tensor = seen.tensor.lock();
    if (!tensor || tensor->version_counter().current_version() != seen.version) {
      return true;
    }
  }
  return false;
}

bool Unchanged::shows(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& t : tensors) {
    if (t.is_inference()) {
      return false;
    }
  }
  return true;
}

} // namespace hipnn_ts
