// All wanted members of an event, found in one pass over it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "compare.hpp"
#include "document.hpp"
#include "path.hpp"
#include "text.hpp"

namespace fwb {

// A place that lies beyond an array: not reached, but not certainly absent either.
constexpr uint32_t kBeyond = kNone - 1;

// Every wanted place is a slot. Slot 0 is the whole text. Only members of objects are reached: a
// key that may be a position in an array ends the part of a pointer that the trie serves.
class Trie {
 public:
  Trie() { nodes_.emplace_back(); }

  // The slot for as many of `keys` as the trie can serve; `served` says how many those are.
  uint32_t add(const std::vector<std::string>& keys, size_t* served) {
    uint32_t node = 0;
    size_t i = 0;
    for (; i < keys.size() && array_position(keys[i]) < 0; ++i) node = child(node, keys[i]);
    *served = i;
    return node;
  }

  void seal() {
    for (Node& node : nodes_) {
      std::stable_sort(node.children.begin(), node.children.end(),
                       [&](uint32_t a, uint32_t b) { return length(a) < length(b); });
      std::fill(std::begin(node.first), std::end(node.first), kNoChild);
      for (size_t i = node.children.size(); i-- > 0;) {
        node.first[bucket(length(node.children[i]))] = static_cast<uint16_t>(i);
      }
    }
    slots_.assign(nodes_.size(), kNone);
  }

  // Finds every slot's value in `doc`; what is absent becomes kNone, what an array hides kBeyond.
  const uint32_t* fill(const Document& doc) {
    std::fill(slots_.begin(), slots_.end(), kNone);
    slots_[0] = 0;
    descend(doc, 0, 0);
    return slots_.data();
  }

 private:
  static constexpr uint16_t kNoChild = UINT16_MAX;
  static constexpr size_t kBuckets = 32;

  struct Node {
    std::string key;
    std::vector<uint32_t> children;  // by length of key
    uint16_t first[kBuckets];        // by length of key: where those begin
  };

  static size_t bucket(size_t length) { return length < kBuckets ? length : kBuckets - 1; }
  size_t length(uint32_t node) const { return nodes_[node].key.size(); }

  uint32_t child(uint32_t node, const std::string& key) {
    for (uint32_t c : nodes_[node].children) {
      if (nodes_[c].key == key) return c;
    }
    uint32_t made = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
    nodes_[made].key = key;
    nodes_[node].children.push_back(made);
    return made;
  }

  uint32_t find(const Node& node, std::string_view key) const {
    size_t i = node.first[bucket(key.size())];
    if (i == kNoChild) return kNone;
    for (; i < node.children.size(); ++i) {
      const std::string& wanted = nodes_[node.children[i]].key;
      if (wanted.size() == key.size()) {
        if (same_bytes(wanted.data(), key.data(), key.size())) return node.children[i];
      } else if (bucket(wanted.size()) != bucket(key.size())) {
        break;
      }
    }
    return kNone;
  }

  void descend(const Document& doc, uint32_t object, uint32_t node) {
    const Node& here = nodes_[node];
    if (!doc.is_object(object)) {
      if (doc.is_array(object)) hide(here);
      return;
    }
    doc.members(object, [&](uint32_t name, uint32_t value) {
      std::string_view written = doc.name(name);
      uint32_t child = find(here, written);
      if (child == kNone) {
        if (!memchr(written.data(), '\\', written.size())) return true;
        child = find(here, unescaped(written));
        if (child == kNone) return true;
      }
      if (slots_[child] != kNone) return true;  // a name given twice: the first counts
      slots_[child] = value;
      if (!nodes_[child].children.empty()) descend(doc, value, child);
      return true;
    });
  }

  void hide(const Node& node) {
    for (uint32_t child : node.children) {
      slots_[child] = kBeyond;
      hide(nodes_[child]);
    }
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> slots_;
};

}  // namespace fwb
