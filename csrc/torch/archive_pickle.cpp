// SPDX-License-Identifier: BSD-3-Clause
//
// The pickles in an archive, walked through without making anything of them.
#include <ATen/ATen.h>

#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "torch/archive.hpp"

namespace hipnn_ts {
namespace {

const std::map<std::string_view, int64_t> item_sizes{
    {"torch DoubleStorage", 8}, {"torch FloatStorage", 4}, {"torch LongStorage", 8},
    {"torch IntStorage", 4},    {"torch ShortStorage", 2}, {"torch ByteStorage", 1},
};
const std::set<std::string_view> makers{
    "torch._utils _rebuild_tensor_v2",    "torch.jit._pickle build_tensorlist",
    "torch.jit._pickle build_intlist",    "torch.jit._pickle build_doublelist",
    "torch.jit._pickle restore_type_tag", "collections OrderedDict",
};

struct Item {
  enum Kind { other, mark, integer, text, type, tuple } kind = other;
  int64_t number = 0;
  std::string string;
  std::vector<Item> items;
};

class Walk {
public:
  Walk(
      std::string_view name, std::string_view content,
      const std::function<int64_t(const std::string&)>& size_of)
      : name_(name), content_(content), size_of_(size_of) {}

  void run() {
    while (step(take<uint8_t>())) {
    }
  }

private:
  [[noreturn]] void damaged() const {
    TORCH_CHECK(false, "found a pickle '", name_, "' that no exported potential has");
  }

  std::string_view bytes(size_t n) {
    if (n > content_.size() - place_) {
      damaged();
    }
    place_ += n;
    return content_.substr(place_ - n, n);
  }

  template <class Integer> Integer take() {
    Integer value;
    std::memcpy(&value, bytes(sizeof(Integer)).data(), sizeof(Integer));
    return value;
  }

  std::string line() {
    const size_t end = content_.find('\n', place_);
    if (end == std::string_view::npos) {
      damaged();
    }
    const std::string out(bytes(end - place_));
    ++place_;
    return out;
  }

  Item pop() {
    if (stack_.empty()) {
      damaged();
    }
    Item out = std::move(stack_.back());
    stack_.pop_back();
    return out;
  }

  std::vector<Item> pop_to_mark() {
    size_t start = stack_.size();
    while (start > 0 && stack_[start - 1].kind != Item::mark) {
      --start;
    }
    if (start == 0) {
      damaged();
    }
    std::vector<Item> out(
        std::make_move_iterator(stack_.begin() + static_cast<std::ptrdiff_t>(start)),
        std::make_move_iterator(stack_.end()));
    stack_.resize(start - 1);
    return out;
  }

  void push(Item item) { stack_.push_back(std::move(item)); }
  void push_number(int64_t n) { push({Item::integer, n, {}, {}}); }
  void remember(uint32_t key) {
    if (stack_.empty()) {
      damaged();
    }
    // Without a tuple's items: a storage's description is never referred to again.
    const Item& top = stack_.back();
    memo_[key] = {top.kind, top.number, top.string, {}};
  }

  void recall(uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) {
      damaged();
    }
    push(found->second);
  }

  void global() {
    const std::string module = line();
    const std::string type = module + " " + line();
    const bool own = type.rfind("__torch__.", 0) == 0 && type.find("classes") == std::string::npos;
    TORCH_CHECK(
        own || item_sizes.count(type) || makers.count(type), "found a ", type, " in '", name_,
        "', which no exported potential has");
    push({Item::type, 0, type, {}});
  }

  /// ("storage", type, key, device, number of elements)
  void storage(const Item& description) {
    const auto& x = description.items;
    if (x.size() != 5 || x[0].string != "storage" || x[1].kind != Item::type ||
        x[2].kind != Item::text || x[4].kind != Item::integer) {
      damaged();
    }
    const auto item = item_sizes.find(x[1].string);
    const int64_t size = size_of_(x[2].string);
    TORCH_CHECK(
        item != item_sizes.end() && x[4].number >= 0 && x[4].number < (int64_t{1} << 40) &&
            x[4].number * item->second == size,
        "damaged: tensor '", x[2].string, "' of '", name_, "' is not of the size of its record");
    push({});
  }

  /// One operation of the pickle protocol; false after the last.
  bool step(uint8_t code) {
    switch (code) {
      case 0x80: // PROTO
        bytes(1);
        return true;
      case '(':
        push({Item::mark, 0, {}, {}});
        return true;
      case '}':
      case ']':
      case 'N':
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        push({});
        return true;
      case ')':
        push({Item::tuple, 0, {}, {}});
        return true;
      case 't':
        push({Item::tuple, 0, {}, pop_to_mark()});
        return true;
      case 0x85: // TUPLE1, 2, 3
      case 0x86:
      case 0x87: {
        std::vector<Item> items(code - 0x84);
        for (auto item = items.rbegin(); item != items.rend(); ++item) {
          *item = pop();
        }
        push({Item::tuple, 0, {}, std::move(items)});
        return true;
      }
      case 0x81: // NEWOBJ
      case 'R':
        pop();
        pop();
        push({});
        return true;
      case 'b':
      case 'a':
        pop();
        return true;
      case 'u':
      case 'e':
        pop_to_mark();
        return true;
      case 'q':
        remember(take<uint8_t>());
        return true;
      case 'r':
        remember(take<uint32_t>());
        return true;
      case 'h':
        recall(take<uint8_t>());
        return true;
      case 'j':
        recall(take<uint32_t>());
        return true;
      case 'X': {
        const auto size = take<uint32_t>();
        push({Item::text, 0, std::string(bytes(size)), {}});
        return true;
      }
      case 'J':
        push_number(take<int32_t>());
        return true;
      case 'K':
        push_number(take<uint8_t>());
        return true;
      case 'M':
        push_number(take<uint16_t>());
        return true;
      case 0x8a: // LONG1, eight bytes as torch writes it
        if (take<uint8_t>() != 8) {
          damaged();
        }
        push_number(take<int64_t>());
        return true;
      case 'G':
        bytes(8);
        push({});
        return true;
      case 'c':
        global();
        return true;
      case 'Q':
        storage(pop());
        return true;
      case '.':
        return false;
      default:
        damaged();
    }
  }

  std::string_view name_, content_;
  const std::function<int64_t(const std::string&)>& size_of_;
  size_t place_ = 0;
  std::vector<Item> stack_;
  std::map<uint32_t, Item> memo_;
};

} // namespace

void check_pickle(
    std::string_view name, std::string_view content,
    const std::function<int64_t(const std::string&)>& size_of) {
  Walk(name, content, size_of).run();
}

} // namespace hipnn_ts
