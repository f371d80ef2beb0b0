#include "runtime/loop/state_fault.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace muster::loop {
namespace {

using Entries = std::map<std::string, weights::TensorEntry>;

const Entries kEntries{{"weights", {at::kFloat, {8}}}, {"moment", {at::kFloat, {8}}}, {kUpdates, {at::kLong, {1}}}};

TEST(StateFault, AFileHoldsWhatTheRankKeepsAndNothingElse) {
  const std::vector<std::pair<std::string, at::Tensor>> slices{{"weights", at::zeros({8})}, {"moment", at::zeros({8})}};
  EXPECT_EQ(state_fault(kEntries, slices), "");
  const auto fault_with = [&](const std::string& removed, const Entries& added) {
    Entries entries = kEntries;
    entries.erase(removed);
    entries.insert(added.begin(), added.end());
    return state_fault(entries, slices);
  };
  EXPECT_EQ(fault_with("moment", {{"other", {at::kFloat, {8}}}}), "its file lacks the tensor 'moment'");
  EXPECT_EQ(fault_with(kUpdates, {{"other", {at::kLong, {1}}}}), "its file lacks the tensor 'num_updates'");
  EXPECT_NE(fault_with("moment", {{"moment", {at::kFloat, {4, 2}}}}).find("another size or type"), std::string::npos);
  EXPECT_NE(fault_with("moment", {{"moment", {at::kHalf, {8}}}}).find("another size or type"), std::string::npos);
  EXPECT_NE(fault_with("", {{"other", {at::kFloat, {8}}}}).find("holds 4 tensors, this rank keeps 3"),
            std::string::npos);
}

}  // namespace
}  // namespace muster::loop
