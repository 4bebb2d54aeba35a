#include "common/patroni/cluster.h"

#include <algorithm>
#include <string_view>

#include "common/patroni/json.h"

namespace polygon::patroni {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMembers = "members/";

// Python's truth, in which Patroni takes the tag.
bool is_true(const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>() != 0;
    return !value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty());
}

// patroni/tags.py (4.0), nofailover: the tag of that name, else a failover_priority of 0 or less.
bool may_lead(const Json& member) {
    const auto tags = member.find("tags");
    if (tags == member.end() || !tags->is_object()) return true;
    const auto nofailover = tags->find("nofailover");
    if (nofailover != tags->end() && !nofailover->is_null()) return !is_true(*nofailover);
    const auto priority = tags->find("failover_priority");
    return priority == tags->end() || !priority->is_number() || priority->get<double>() > 0;
}

void read_tags(const Json& json, MemberKey& member) {
    const auto tags = json.find("tags");
    if (tags == json.end() || !tags->is_object()) return;
    const auto is_tagged = [&](const char* tag) { return tags->contains(tag) && is_true(tags->at(tag)); };
    member.is_streaming_wanted = !is_tagged("nostream");
    member.is_clone_source = is_tagged("clonefrom");
    member.replicates_from = text_at(*tags, "replicatefrom");
}

MemberKey parse_member(std::string name, const std::string& value) {
    MemberKey member{.name = std::move(name)};
    const Json json = Json::parse(value, nullptr, false);
    if (!json.is_object()) return member;
    member.api_url = text_at(json, "api_url");
    member.conn_url = text_at(json, "conn_url");
    member.state = text_at(json, "state");
    member.role = text_at(json, "role");
    member.version = text_at(json, "version");
    member.may_lead = may_lead(json);
    read_tags(json, member);
    member.timeline = number_at<std::uint32_t>(json, "timeline");
    member.xlog_location = number_at<std::uint64_t>(json, "xlog_location");
    return member;
}

void parse_config(const std::string& value, ClusterKeys& keys) {
    keys.has_config = true;
    const Json json = Json::parse(value, nullptr, false);
    if (!json.is_object()) return;
    if (const auto ttl = number_at<std::uint32_t>(json, "ttl")) keys.ttl = std::chrono::seconds(*ttl);
    if (const auto wait = number_at<std::uint32_t>(json, "loop_wait")) keys.loop_wait = std::chrono::seconds(*wait);
    const auto pause = json.find("pause");
    keys.is_paused = pause != json.end() && pause->is_boolean() && pause->get<bool>();
}

}  // namespace

const MemberKey* ClusterKeys::find_member(const std::string& name) const {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
    return found == members.end() ? nullptr : &*found;
}

ClusterKeys parse_cluster(const std::vector<RelativeKey>& keys) {
    ClusterKeys cluster;
    for (const auto& [key, value] : keys) {
        if (key == "initialize") {
            cluster.initialize = value;
        } else if (key == "leader") {
            cluster.leader = value;
        } else if (key == "config") {
            parse_config(value, cluster);
        } else if (key.starts_with(kMembers) && key.find('/', kMembers.size()) == std::string::npos) {
            cluster.members.push_back(parse_member(key.substr(kMembers.size()), value));
        } else {
            cluster.other_keys.push_back(key);
        }
    }
    std::sort(cluster.members.begin(), cluster.members.end(),
              [](const MemberKey& a, const MemberKey& b) { return a.name < b.name; });
    return cluster;
}

}  // namespace polygon::patroni
