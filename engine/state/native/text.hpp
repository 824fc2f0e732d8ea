// Texts held once each, as long as something refers to them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace state {

class Texts;

struct Text {
    Text *next;
    Texts *owner;
    uint64_t hash;
    uint32_t refs;
    uint32_t size;
    uint64_t batch;  // in whose texts it stands at `local`
    int32_t local;

    const char *data() const { return reinterpret_cast<const char *>(this + 1); }
    std::string_view view() const { return {data(), size}; }
};

// A text, or none: the empty text is none.
class TextRef {
public:
    TextRef() = default;
    explicit TextRef(Text *text) : text_(text) {
        if(text_) ++text_->refs;
    }
    TextRef(const TextRef &other) : TextRef(other.text_) {}
    TextRef(TextRef &&other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
    TextRef &operator=(TextRef other) noexcept {
        std::swap(text_, other.text_);
        return *this;
    }
    ~TextRef() {
        if(text_ && --text_->refs == 0) drop();
    }

    Text *get() const { return text_; }
    std::string_view view() const { return text_ ? text_->view() : std::string_view{}; }
    bool empty() const { return !text_; }
    // Equal texts are one text.
    bool operator==(const TextRef &other) const { return text_ == other.text_; }
    bool operator!=(const TextRef &other) const { return text_ != other.text_; }

private:
    inline void drop();
    Text *text_ = nullptr;
};

class Texts {
public:
    explicit Texts(uint64_t seed) : seed_(seed), buckets_(1024) {}
    Texts(const Texts &) = delete;
    Texts &operator=(const Texts &) = delete;

    TextRef hold(std::string_view text) {
        if(text.empty()) return {};
        uint64_t hash = std::_Hash_bytes(text.data(), text.size(), seed_);
        for(Text *at = buckets_[hash & (buckets_.size() - 1)]; at; at = at->next) {
            if(at->hash == hash && at->view() == text) return TextRef(at);
        }
        if(count_ >= buckets_.size()) grow();
        auto *made = static_cast<Text *>(std::malloc(sizeof(Text) + text.size()));
        if(!made) throw std::bad_alloc();
        Text *&bucket = buckets_[hash & (buckets_.size() - 1)];
        *made = Text{bucket, this, hash, 0, static_cast<uint32_t>(text.size()), 0, -1};
        std::memcpy(made + 1, text.data(), text.size());
        bucket = made;
        ++count_;
        return TextRef(made);
    }

    __attribute__((noinline)) void drop(Text *text) {
        Text **at = &buckets_[text->hash & (buckets_.size() - 1)];
        while(*at != text) at = &(*at)->next;
        *at = text->next;
        --count_;
        std::free(text);
    }

    size_t count() const { return count_; }

private:
    void grow() {
        std::vector<Text *> wider(buckets_.size() * 2);
        for(Text *at : buckets_) {
            while(at) {
                Text *next = at->next;
                Text *&bucket = wider[at->hash & (wider.size() - 1)];
                at->next = bucket;
                bucket = at;
                at = next;
            }
        }
        buckets_.swap(wider);
    }

    uint64_t seed_;
    std::vector<Text *> buckets_;
    size_t count_ = 0;
};

inline void TextRef::drop() { text_->owner->drop(text_); }

}  // namespace state
