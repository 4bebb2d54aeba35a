#include "common/sanitize/masking/redaction.h"

#include <cctype>

namespace polygon::sanitize {
namespace {

constexpr std::string_view kHidden = "'***'";
constexpr std::string_view kEllipsis = "…";

bool is_identifier_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

bool is_identifier_part(char c) {
    return is_identifier_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}

class Redactor {
  public:
    explicit Redactor(std::string_view sql) : sql_(sql) {}

    Redacted run() {
        while (at_ < sql_.size())
            step();
        while (!redacted_.text.empty() && redacted_.text.back() == ' ')
            redacted_.text.pop_back();
        return std::move(redacted_);
    }

  private:
    bool looks_at(std::string_view text) const { return sql_.substr(at_).starts_with(text); }

    void step() {
        const char c = sql_[at_];
        if (std::isspace(static_cast<unsigned char>(c)) != 0 || std::iscntrl(static_cast<unsigned char>(c)) != 0) {
            ++at_;
            put_blank();
        } else if (looks_at("--")) {
            at_ = std::min(sql_.find('\n', at_), sql_.size());
        } else if (looks_at("/*")) {
            skip_comment();
        } else if (c == '\'') {
            take_quoted();
        } else if (c == '"') {
            take_quoted_identifier();
        } else if (c == '$') {
            take_dollar();
        } else if (is_identifier_start(c)) {
            take_word();
        } else {
            take(at_ + 1);
        }
    }

    void put_blank() {
        if (!redacted_.text.empty() && redacted_.text.back() != ' ') redacted_.text += ' ';
    }

    void take(std::size_t end) {
        redacted_.text += sql_.substr(at_, end - at_);
        at_ = end;
    }

    void hide(std::string literal, std::size_t end) {
        redacted_.literals.push_back(std::move(literal));
        redacted_.text += kHidden;
        at_ = end;
    }

    // They nest.
    void skip_comment() {
        int depth = 0;
        do {
            if (looks_at("/*")) {
                ++depth;
                at_ += 2;
            } else if (looks_at("*/")) {
                --depth;
                at_ += 2;
            } else {
                ++at_;
            }
        } while (depth > 0 && at_ < sql_.size());
        put_blank();
    }

    void take_quoted() {
        std::string literal;
        for (std::size_t i = at_ + 1; i < sql_.size(); ++i) {
            if (sql_[i] == '\\' && i + 1 < sql_.size() && sql_[i + 1] == '\'') {
                hide(literal, sql_.size());  // one literal or two: nothing of what follows is certain
                return;
            }
            const bool is_quote = sql_[i] == '\'';
            if (is_quote && (i + 1 == sql_.size() || sql_[i + 1] != '\'')) return hide(literal, i + 1);
            if (is_quote) ++i;
            literal += sql_[i];
        }
        hide(literal, sql_.size());
    }

    // E'…', where a backslash takes the next character along. Begins at the quote.
    void take_escaped() {
        std::string literal;
        for (std::size_t i = at_ + 1; i < sql_.size(); ++i) {
            const bool is_quote = sql_[i] == '\'';
            if (is_quote && (i + 1 == sql_.size() || sql_[i + 1] != '\'')) return hide(literal, i + 1);
            if ((is_quote || sql_[i] == '\\') && i + 1 < sql_.size()) ++i;
            literal += sql_[i];
        }
        hide(literal, sql_.size());
    }

    void take_quoted_identifier() {
        const std::size_t end = sql_.find('"', at_ + 1);
        if (end == std::string_view::npos) return hide(std::string(sql_.substr(at_ + 1)), sql_.size());
        redacted_.text += '"';
        for (++at_; at_ < end; ++at_)
            redacted_.text += std::iscntrl(static_cast<unsigned char>(sql_[at_])) != 0 ? ' ' : sql_[at_];
        take(end + 1);
    }

    // $tag$…$tag$, or a parameter $1, or an operator's character.
    void take_dollar() {
        std::size_t end = at_ + 1;
        if (end < sql_.size() && is_identifier_start(sql_[end])) {
            while (end < sql_.size() && is_identifier_part(sql_[end]) && sql_[end] != '$')
                ++end;
        }
        if (end >= sql_.size() || sql_[end] != '$') return take(at_ + 1);
        const std::string_view tag = sql_.substr(at_, end + 1 - at_);
        const std::size_t close = sql_.find(tag, end + 1);
        if (close == std::string_view::npos) return hide(std::string(sql_.substr(end + 1)), sql_.size());
        hide(std::string(sql_.substr(end + 1, close - end - 1)), close + tag.size());
    }

    // An identifier or keyword; the letters before a literal go with it.
    void take_word() {
        std::size_t end = at_;
        while (end < sql_.size() && is_identifier_part(sql_[end]))
            ++end;
        std::string_view word = sql_.substr(at_, end - at_);
        if ((word == "U" || word == "u") && sql_.substr(end).starts_with("&'")) {
            at_ = end + 1;
            return take_quoted();
        }
        const bool is_prefix = word.size() == 1 && end < sql_.size() && sql_[end] == '\'' &&
                               std::string_view("eEbBxXnN").find(word[0]) != std::string_view::npos;
        if (!is_prefix) return take(end);
        at_ = end;
        if (word == "e" || word == "E") return take_escaped();
        take_quoted();
    }

    std::string_view sql_;
    std::size_t at_ = 0;
    Redacted redacted_;
};

}  // namespace

Redacted redact_literals(std::string_view sql) {
    return Redactor(sql).run();
}

std::string shorten(std::string text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    std::size_t end = bytes - kEllipsis.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    return text.substr(0, end).append(kEllipsis);
}

}  // namespace polygon::sanitize
