#include "launcher/supervise/scalar_feed.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::supervise {
namespace {

constexpr double kPoll_s = 1;

double mean_of(const nlohmann::json& list) {
  double sum = 0;
  for (const nlohmann::json& value : list) sum += value.is_number() ? value.get<double>() : std::nan("");
  return sum / static_cast<double>(list.size());
}

}  // namespace

Scalars scalars_of(const nlohmann::json& record, const std::string& prefix) {
  Scalars scalars;
  for (const auto& [name, value] : record.items()) {
    if (name == "step" || name == "attempt") continue;
    const std::string tag = base::text(prefix, "/", name);
    if (value.is_object()) {
      const Scalars below = scalars_of(value, tag);
      scalars.insert(scalars.end(), below.begin(), below.end());
      continue;
    }
    const double number = value.is_number() ? value.get<double>() : value.is_array() ? mean_of(value) : std::nan("");
    if (std::isfinite(number)) scalars.emplace_back(tag, number);
  }
  return scalars;
}

ScalarFeed::ScalarFeed(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt,
                       std::function<void(const std::string&)> say)
    : on_(plan.job.log.tensorboard),
      folder_(paths.folder / "tensorboard"),
      attempt_(attempt),
      say_(std::move(say)),
      lines_(paths, attempt) {}

bool ScalarFeed::write_more() {
  const double now_s = base::wall_clock_s();
  const auto write = [&](const char* record, std::string_view, const nlohmann::json& object) {
    if (!object.contains("step") || std::string_view(record).ends_with("sample")) return;
    const std::int64_t step = object["step"];
    if (!file_) file_.emplace(folder_, attempt_, now_s).start(step, now_s);
    file_->add(scalars_of(object, record), step, now_s);
  };
  return lines_.take(write) > 0;
}

void ScalarFeed::guarded(const std::function<void()>& body) noexcept {
  if (!on_) return;
  try {
    body();
  } catch (const std::exception& error) {
    on_ = false;
    say_(base::text("warning: log.tensorboard was given up: ", error.what()));
  }
}

void ScalarFeed::poll() noexcept {
  guarded([&] {
    if (base::steady_s() - read_s_ < kPoll_s) return;
    if (!write_more()) read_s_ = base::steady_s();  // else there may be more at once
  });
}

void ScalarFeed::finish() noexcept {
  guarded([&] {
    while (write_more()) {
    }
  });
}

}  // namespace muster::supervise
