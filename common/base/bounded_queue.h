// Hands items from one thread to another, and makes the faster one wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace polygon {

// For one writer and one reader. It is full when the items in it weigh `most_weight` together or are `most_items`; an
// item heavier than that still goes into an empty one.
template <class T>
class BoundedQueue {
  public:
    BoundedQueue(std::size_t most_weight, std::size_t most_items)
        : most_weight_(most_weight), most_items_(most_items) {}

    // Waits while it is full. False, and the item is dropped, once it is closed.
    bool push(T item, std::size_t weight) {
        std::unique_lock lock(mutex_);
        has_room_.wait(lock, [&] { return is_closed_ || has_room_for(weight); });
        if (is_closed_) return false;
        items_.emplace_back(std::move(item), weight);
        weight_ += weight;
        has_items_.notify_one();
        return true;
    }

    // Waits while it is empty. Nothing once it is closed.
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        has_items_.wait(lock, [&] { return is_closed_ || !items_.empty(); });
        if (is_closed_) return std::nullopt;
        std::optional<T> item(std::move(items_.front().first));
        weight_ -= items_.front().second;
        items_.pop_front();
        has_room_.notify_one();
        return item;
    }

    // Wakes both sides for good; what is in it is dropped.
    void close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        items_.clear();
        has_room_.notify_all();
        has_items_.notify_all();
    }

  private:
    bool has_room_for(std::size_t weight) const {
        return items_.empty() || (weight_ + weight <= most_weight_ && items_.size() < most_items_);
    }

    const std::size_t most_weight_;
    const std::size_t most_items_;
    std::mutex mutex_;
    std::condition_variable has_room_;
    std::condition_variable has_items_;
    std::deque<std::pair<T, std::size_t>> items_;
    std::size_t weight_ = 0;
    bool is_closed_ = false;
};

}  // namespace polygon
