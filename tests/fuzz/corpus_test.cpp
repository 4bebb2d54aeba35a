// What the fuzzers start from, and what they once stopped at, as ordinary tests.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "common/fs/file.h"
#include "tests/fuzz/subject.h"
#include "tests/support/require.h"

namespace polygon::backup::fuzz {
namespace {

namespace stdfs = std::filesystem;

// Every byte of small seeds is varied, a part of those of larger ones.
constexpr std::size_t kMostVariations = 100;

struct Seed {
    std::string name;
    std::string bytes;
};

const stdfs::path kCorpus = stdfs::path(POLYGON_SOURCE_ROOT) / "tests/fuzz/corpus";

std::vector<Seed> seeds_of(const Subject& subject) {
    std::vector<Seed> seeds;
    for (const auto& entry : stdfs::directory_iterator(kCorpus / subject.name))
        seeds.push_back({entry.path().filename().string(), support::require(fs::read_file(entry.path()))});
    std::sort(seeds.begin(), seeds.end(), [](const Seed& left, const Seed& right) { return left.name < right.name; });
    REQUIRE_FALSE(seeds.empty());
    return seeds;
}

const Subject& each_subject() {
    return subjects()[GENERATE(range(std::size_t{0}, subjects().size()))];
}

TEST_CASE("every folder of the corpus is a subject's") {
    for (const auto& entry : stdfs::directory_iterator(kCorpus)) {
        const std::string name = entry.path().filename().string();
        INFO(name);
        CHECK(std::any_of(subjects().begin(), subjects().end(),
                          [&](const Subject& subject) { return subject.name == name; }));
    }
}

TEST_CASE("the corpus is taken, and what is named sound is accepted") {
    const Subject& subject = each_subject();
    INFO(subject.name);
    int sound = 0;
    for (const Seed& seed : seeds_of(subject)) {
        INFO(seed.name);
        const bool is_sound = seed.name.starts_with("sound-");
        sound += is_sound ? 1 : 0;
        CHECK(subject.feed(seed.bytes) == (is_sound ? Verdict::accepted : Verdict::refused));
    }
    CHECK(sound > 0);
}

TEST_CASE("the corpus is taken cut off and with a bit changed, wherever") {
    const Subject& subject = each_subject();
    INFO(subject.name);
    for (const Seed& seed : seeds_of(subject)) {
        const std::size_t step = seed.bytes.size() / kMostVariations + 1;
        for (std::size_t at = 0; at < seed.bytes.size(); at += step) {
            INFO(seed.name << ", byte " << at);
            subject.feed(std::string_view(seed.bytes).substr(0, at));
            std::string changed = seed.bytes;
            changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
            subject.feed(changed);
        }
    }
}

}  // namespace
}  // namespace polygon::backup::fuzz
