#include "common/postgres/storage_format.h"

#include "tests/support/catch.h"

namespace polygon::postgres {
namespace {

constexpr StorageFormat kUsual{.control_version = 1300,
                               .catalog_version = 202209061,
                               .alignment_bytes = 8,
                               .block_bytes = 8192,
                               .blocks_per_segment = 131072,
                               .wal_block_bytes = 8192,
                               .identifier_bytes = 64,
                               .index_columns = 32,
                               .toast_chunk_bytes = 1996,
                               .large_object_chunk_bytes = 2048,
                               .float8_by_value = 1};

TEST_CASE("the same format has no differences") {
    CHECK(find_differences(kUsual, kUsual).empty());
}

TEST_CASE("each field that differs is named, with both values") {
    StorageFormat other = kUsual;
    other.block_bytes = 16384;
    other.blocks_per_segment = 65536;
    other.float8_by_value = 0;
    CHECK(find_differences(other, kUsual) == std::vector<std::string>{"block size 16384 and not 8192",
                                                                      "blocks per segment 65536 and not 131072",
                                                                      "float8 passed by value 0 and not 1"});
    for (const auto member :
         {&StorageFormat::control_version, &StorageFormat::catalog_version, &StorageFormat::alignment_bytes,
          &StorageFormat::block_bytes, &StorageFormat::blocks_per_segment, &StorageFormat::wal_block_bytes,
          &StorageFormat::identifier_bytes, &StorageFormat::index_columns, &StorageFormat::toast_chunk_bytes,
          &StorageFormat::large_object_chunk_bytes, &StorageFormat::float8_by_value}) {
        StorageFormat one = kUsual;
        one.*member += 1;
        CHECK(find_differences(one, kUsual).size() == 1);
    }
}

}  // namespace
}  // namespace polygon::postgres
