// SPDX-License-Identifier: BSD-3-Clause
#include "core/model_file/pickle.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "core/model_file/file_error.hpp"

namespace hipnn_ts {
namespace {

struct StorageType {
  std::string_view name;
  int64_t item_bytes;
};
constexpr std::array<StorageType, 6> storage_types{
    {{"torch DoubleStorage", 8},
     {"torch FloatStorage", 4},
     {"torch LongStorage", 8},
     {"torch IntStorage", 4},
     {"torch ShortStorage", 2},
     {"torch ByteStorage", 1}}};

constexpr std::string_view makes_tensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view makes_dictionary = "collections OrderedDict";
// Functions that return their first argument.
constexpr std::array<std::string_view, 4> makes_typed{
    "torch.jit._pickle build_tensorlist", "torch.jit._pickle build_intlist",
    "torch.jit._pickle build_doublelist", "torch.jit._pickle restore_type_tag"};
constexpr int deepest = 64; // modules in modules
constexpr size_t longest_name = 1000;

template <class List> bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

class Walk {
public:
  Walk(
      std::string_view name, std::string_view content,
      const std::function<int64_t(const std::string&)>& size_of)
      : name_(name), content_(content), size_of_(size_of) {}

  Pickled run() {
    while (step(take<uint8_t>())) {
    }
    return pop();
  }

private:
  [[noreturn]] void damaged() const {
    throw FileError("found a pickle '" + std::string(name_) + "' that no exported potential has");
  }

  std::string_view bytes(size_t n) {
    if (n > content_.size() - place_) {
      damaged();
    }
    place_ += n;
    return content_.substr(place_ - n, n);
  }

  template <class Number> Number take() {
    Number value;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
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

  Pickled pop() {
    if (stack_.empty()) {
      damaged();
    }
    Pickled out = std::move(stack_.back());
    stack_.pop_back();
    return out;
  }

  std::vector<Pickled> pop_to_mark() {
    size_t start = stack_.size();
    while (start > 0 && stack_[start - 1].kind != Pickled::mark) {
      --start;
    }
    if (start == 0) {
      damaged();
    }
    std::vector<Pickled> out(
        std::make_move_iterator(stack_.begin() + static_cast<std::ptrdiff_t>(start)),
        std::make_move_iterator(stack_.end()));
    stack_.resize(start - 1);
    return out;
  }

  void push(Pickled::Kind kind, std::vector<Pickled> items = {}) {
    Pickled value;
    value.kind = kind;
    value.items = std::make_shared<std::vector<Pickled>>();
    add(value, std::move(items));
    stack_.push_back(std::move(value));
  }
  void push_integer(int64_t n, Pickled::Kind kind = Pickled::integer) {
    stack_.emplace_back();
    stack_.back().kind = kind;
    stack_.back().integer_value = n;
  }
  void push_string(Pickled::Kind kind, std::string text) {
    stack_.emplace_back();
    stack_.back().kind = kind;
    stack_.back().string = std::move(text);
  }
  void push_real() {
    std::array<char, sizeof(double)> reversed; // pickles contain them in reverse order
    const std::string_view found = bytes(reversed.size());
    std::reverse_copy(found.begin(), found.end(), reversed.begin());
    stack_.emplace_back();
    stack_.back().kind = Pickled::real;
    std::memcpy(&stack_.back().real_value, reversed.data(), reversed.size());
  }

  /// Nested values; their depth is limited.
  void add(Pickled& to, std::vector<Pickled> items) const {
    if (!to.items) {
      damaged();
    }
    for (Pickled& item : items) {
      to.depth = std::max(to.depth, item.depth + 1);
      to.items->push_back(std::move(item));
    }
    if (to.depth > deepest) {
      damaged();
    }
  }
  /// Appends to the list or dictionary on top of the stack.
  void extend(std::vector<Pickled> items) {
    Pickled to = pop();
    add(to, std::move(items));
    stack_.push_back(std::move(to));
  }

  /// Without items, because torch refers to texts and types again, and a value that contains itself
  /// never ends.
  void remember(uint32_t key) {
    if (stack_.empty()) {
      damaged();
    }
    Pickled& kept = memo_[key] = stack_.back();
    kept.items.reset();
    kept.depth = 0;
  }
  void recall(uint32_t key) {
    const auto found = memo_.find(key);
    // A long text would take as much memory each time.
    if (found == memo_.end() || found->second.string.size() > longest_name) {
      damaged();
    }
    stack_.push_back(found->second);
  }

  void global() {
    const std::string module = line();
    const std::string type = module + " " + line();
    const bool own = type.rfind("__torch__.", 0) == 0 && type.find("classes") == std::string::npos;
    if (!own && bytes_per_item(type) == 0 && !contains(makes_typed, type) && type != makes_tensor &&
        type != makes_dictionary) {
      throw FileError(
          "found a " + type + " in '" + std::string(name_) + "', which no exported potential has");
    }
    push_string(Pickled::type, type);
  }

  void storage() {
    Pickled found = pop();
    const auto& x = found.children();
    if (x.size() != 5 || x[0].string != "storage" || x[1].kind != Pickled::type ||
        x[2].kind != Pickled::text || x[4].kind != Pickled::integer) {
      damaged();
    }
    const int64_t item = bytes_per_item(x[1].string), n = x[4].integer_value;
    if (item == 0 || n < 0 || n >= (int64_t{1} << 40) || n * item != size_of_(x[2].string)) {
      throw FileError(
          "damaged: tensor '" + x[2].string + "' of '" + std::string(name_) +
          "' is not of the size of its record");
    }
    found.kind = Pickled::storage;
    stack_.push_back(std::move(found));
  }

  /// An object without its state, or the result of a function.
  void call() {
    Pickled arguments = pop();
    const Pickled function = pop();
    if (function.kind != Pickled::type || arguments.kind != Pickled::sequence) {
      damaged();
    }
    if (contains(makes_typed, function.string)) {
      if (arguments.children().empty()) {
        damaged();
      }
      stack_.push_back(arguments.children().front());
    } else if (function.string == makes_tensor) {
      arguments.kind = Pickled::tensor;
      stack_.push_back(std::move(arguments));
    } else {
      push(Pickled::named);
    }
  }

  /// One operation of the pickle protocol; false after the last.
  bool step(uint8_t code) {
    switch (code) {
      case 0x80: // PROTO
        bytes(1);
        return true;
      case '(':
        push_integer(0, Pickled::mark);
        return true;
      case '}':
        push(Pickled::named);
        return true;
      case ']':
      case ')':
        push(Pickled::sequence);
        return true;
      case 'N':
        stack_.emplace_back();
        return true;
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        push_integer(code == 0x88, Pickled::boolean);
        return true;
      case 't':
        push(Pickled::sequence, pop_to_mark());
        return true;
      case 0x85: // TUPLE1, 2, 3
      case 0x86:
      case 0x87: {
        std::vector<Pickled> items(code - 0x84);
        std::generate(items.rbegin(), items.rend(), [&] { return pop(); });
        push(Pickled::sequence, std::move(items));
        return true;
      }
      case 0x81: // NEWOBJ
      case 'R':
        call();
        return true;
      case 'b': {
        Pickled state = pop();
        pop();
        stack_.push_back(std::move(state));
        return true;
      }
      case 'a':
        extend({pop()});
        return true;
      case 'u':
      case 'e':
        extend(pop_to_mark());
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
        push_string(Pickled::text, std::string(bytes(size)));
        return true;
      }
      case 'J':
        push_integer(take<int32_t>());
        return true;
      case 'K':
        push_integer(take<uint8_t>());
        return true;
      case 'M':
        push_integer(take<uint16_t>());
        return true;
      case 0x8a: // LONG1, eight bytes as torch writes it
        if (take<uint8_t>() != 8) {
          damaged();
        }
        push_integer(take<int64_t>());
        return true;
      case 'G':
        push_real();
        return true;
      case 'c':
        global();
        return true;
      case 'Q':
        storage();
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
  std::vector<Pickled> stack_;
  std::map<uint32_t, Pickled> memo_;
};

} // namespace

const std::vector<Pickled>& Pickled::children() const {
  static const std::vector<Pickled> no_items;
  return items ? *items : no_items;
}

const Pickled& Pickled::operator[](std::string_view name) const {
  static const Pickled nothing;
  const auto& list = children();
  for (size_t k = 0; kind == named && k + 1 < list.size(); k += 2) {
    if (list[k].kind == text && list[k].string == name) {
      return list[k + 1];
    }
  }
  return nothing;
}

int64_t bytes_per_item(std::string_view storage_type) {
  for (const StorageType& each : storage_types) {
    if (each.name == storage_type) {
      return each.item_bytes;
    }
  }
  return 0;
}

Pickled read_pickle(
    std::string_view name, std::string_view content,
    const std::function<int64_t(const std::string&)>& size_of) {
  return Walk(name, content, size_of).run();
}

} // namespace hipnn_ts
