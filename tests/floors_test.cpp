// Reads every #include of launcher/ and runtime/ and holds the tree to its floors: an include goes to a lower floor or
// stays in its room. Also: who may see LibTorch, and which package belongs to which room. Each rule is shown to fail on
// made-up text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::tests {
namespace {

struct SourceFile {
  std::string path;  // from the root of the repository
  std::string text;
};

struct Include {
  std::string from;
  std::string to;
  bool quoted;
};

/// The floors of the runtime, lowest first, as docs/house.md lists them (highest first, one line, "main | ... | base").
/// `main` stands for the files that lie directly in runtime/.
using Floors = std::vector<std::vector<std::string>>;

Floors floors_of(const std::string& house_page, const std::string& top) {
  Floors floors;
  for (const std::string& line : base::split(house_page, '\n')) {
    if (line.rfind("    " + top + " | ", 0) != 0) continue;
    for (const std::string& floor : base::split(line, '|')) {
      std::vector<std::string> rooms;
      for (const std::string& room : base::split(floor, ' ')) {
        if (!room.empty()) rooms.push_back(room);
      }
      floors.insert(floors.begin(), rooms);
    }
  }
  return floors;
}

Floors read_floors(const std::string& top) {
  return floors_of(base::read_file(std::filesystem::path(MUSTER_SOURCE_DIR) / "docs/house.md"), top);
}
const Floors& house_floors() {
  static const Floors floors = read_floors("main");
  return floors;
}
/// Of the launcher; its rooms of verbs are not among them.
const Floors& launcher_floors() {
  static const Floors floors = read_floors("muster");
  return floors;
}

const std::set<std::string> kWithoutLibTorch = {"node", "indexing", "data", "chat", "reward", "log", "spec", "base"};
const std::vector<std::string> kLibTorch = {"ATen/", "c10/", "torch/", "caffe2/"};
const std::set<std::string> kHeavy = {"ATen/ATen.h", "torch/types.h", "torch/all.h", "torch/extension.h"};

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }
bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// "runtime/ops/cuda/x.cu" -> "ops"; "runtime/main.cpp" -> "main"; the same for launcher/.
std::string room_of(const std::string& path) {
  const std::vector<std::string> parts = base::split(path, '/');
  return parts.size() < 3 ? "main" : parts[1];
}

int floor_of(const std::string& room, const Floors& floors = house_floors()) {
  const auto has_room = [&room](const auto& rooms) { return std::count(rooms.begin(), rooms.end(), room) > 0; };
  const auto floor = std::find_if(floors.begin(), floors.end(), has_room);
  return floor == floors.end() ? -1 : static_cast<int>(floor - floors.begin());
}

/// In the launcher: a room of verbs stands above all that are named, launcher/main.cpp above those.
int launcher_floor_of(const std::string& room) {
  const int floor = floor_of(room, launcher_floors());
  if (floor >= 0) return floor;
  return static_cast<int>(launcher_floors().size()) + (room == "main" ? 1 : 0);
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> found;
  for (const std::string& line : base::split(file.text, '\n')) {
    std::string_view rest = line;
    const auto skip = [&rest](std::string_view word) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
      if (!starts_with(rest, word)) return false;
      rest.remove_prefix(word.size());
      return true;
    };
    if (!skip("#") || !skip("include") || !skip("")) continue;
    if (rest.empty() || (rest[0] != '"' && rest[0] != '<')) continue;
    const bool quoted = rest[0] == '"';
    const std::size_t end = rest.find(quoted ? '"' : '>', 1);
    if (end != std::string_view::npos) found.push_back({file.path, std::string(rest.substr(1, end - 1)), quoted});
  }
  return found;
}

/// What one include breaks, or "".
std::string fault_of(const Include& include) {
  const auto& [from, to, quoted] = include;
  const bool in_launcher = starts_with(from, "launcher/");
  const bool to_launcher = starts_with(to, "launcher/");
  const std::string room = room_of(from);
  if (quoted && !to_launcher && !starts_with(to, "runtime/"))
    return "a quoted include begins with runtime/ or launcher/";
  if (in_launcher && starts_with(to, "runtime/") && room_of(to) != "spec" && room_of(to) != "base") {
    return "the launcher sees only runtime/spec and runtime/base";
  }
  if (!in_launcher && to_launcher) return "the runtime does not know its launcher";
  if (!in_launcher && starts_with(to, "runtime/")) {
    const std::string below = room_of(to);
    for (const std::string& each : {room, below}) {
      if (floor_of(each) < 0) return base::text("the room '", each, "' stands on no floor");
    }
    if (room != below && floor_of(below) > floor_of(room)) return base::text("an arrow up, from ", room, " to ", below);
    if (room != below && floor_of(below) == floor_of(room))
      return base::text("an arrow along one floor, from ", room, " to ", below);
  }

  if (in_launcher && to_launcher && room != room_of(to) && launcher_floor_of(room_of(to)) >= launcher_floor_of(room))
    return base::text("in the launcher no arrow down, from ", room, " to ", room_of(to));

  if (to == "torch/torch.h") return "costs 17 s a file: name the headers that are used";
  if (base::starts_with_any(to, kLibTorch)) {
    if (in_launcher || kWithoutLibTorch.count(room) > 0) return base::text("'", room, "' does without LibTorch");
    if (from == "runtime/main.cpp") return "muster-runtime does without LibTorch";
    if (ends_with(from, ".h") && kHeavy.count(to) > 0)
      return "a header declares at::Tensor, or includes ATen/core/Tensor.h";
  }
  if (starts_with(to, "slurm/") && !starts_with(from, "launcher/slurm/"))
    return "Slurm's headers stay in launcher/slurm";
  if (to == "nccl.h" && !(starts_with(from, "runtime/comm/") && ends_with(from, ".cpp")))
    return "nccl.h stays in one .cpp of comm";
  if (starts_with(to, "toml++/") && !(starts_with(from, "runtime/spec/") && ends_with(from, ".cpp"))) {
    return "toml++ stays in one .cpp of spec";
  }
  if ((starts_with(to, "arrow/") || starts_with(to, "parquet/")) && from != "runtime/parquet_main.cpp")
    return "Arrow stays in the one program that reads Parquet";
  if ((to == "zlib.h" || to == "zstd.h") && room != "indexing") return "packed data is unpacked in runtime/indexing";
  if (starts_with(to, "boost/program_options") && !starts_with(from, "launcher/cli/") &&
      (in_launcher || room != "main")) {
    return "program_options stays in launcher/cli and in the mains of the runtime";
  }
  return "";
}

/// Rooms that lie on a circle of includes, as "a -> b -> a"; the first one found.
std::string circle_of(const std::vector<Include>& includes) {
  std::map<std::string, std::set<std::string>> arrows;
  const auto place = [](const std::string& path) { return base::split(path, '/')[0] + "/" + room_of(path); };
  for (const Include& include : includes) {
    if (include.quoted && include.to.find('/') != std::string::npos && place(include.from) != place(include.to)) {
      arrows[place(include.from)].insert(place(include.to));
    }
  }
  std::set<std::string> done;
  std::vector<std::string> way;
  std::function<std::string(const std::string&)> walk = [&](const std::string& room) -> std::string {
    const bool seen = std::count(way.begin(), way.end(), room) > 0;
    way.push_back(room);
    if (seen) return base::join(std::vector<std::string>(std::find(way.begin(), way.end(), room), way.end()), " -> ");
    if (done.insert(room).second) {
      for (const std::string& next : arrows[room]) {
        if (std::string circle = walk(next); !circle.empty()) return circle;
      }
    }
    way.pop_back();
    return "";
  };
  for (const auto& [room, targets] : std::map(arrows)) {
    if (std::string circle = walk(room); !circle.empty()) return circle;
  }
  return "";
}

/// Every fault of the files, one line each: "path includes x: why".
std::vector<std::string> faults_of(const std::vector<SourceFile>& files) {
  std::vector<std::string> faults;
  std::vector<Include> includes;
  std::map<std::string, std::set<std::string>> places;  // of packages that one file may include
  for (const SourceFile& file : files) {
    for (const Include& include : includes_of(file)) {
      if (const std::string fault = fault_of(include); !fault.empty()) {
        faults.push_back(base::text(include.from, " includes ", include.to, ": ", fault));
      }
      if (include.to == "nccl.h") places["nccl.h"].insert(include.from);
      if (starts_with(include.to, "toml++/")) places["toml++"].insert(include.from);
      includes.push_back(include);
    }
  }
  for (const auto& [package, from] : places) {
    if (from.size() > 1)
      faults.push_back(base::text(package, " is included by ", from.size(),
                                  " files: ", base::join(std::vector(from.begin(), from.end()), ", ")));
  }
  if (const std::string circle = circle_of(includes); !circle.empty()) faults.push_back("a circle of rooms: " + circle);
  return faults;
}

/// The rooms behind USES in a room's CMakeLists.txt.
std::set<std::string> uses_of(const std::string& cmake) {
  std::set<std::string> uses;
  bool within = false;
  for (const std::string& line : base::split(cmake.substr(0, cmake.find(')')), '\n')) {
    for (const std::string& word : base::split(line, ' ')) {
      if (word.empty()) continue;
      const bool keyword =
          std::all_of(word.begin(), word.end(), [](char c) { return c == '_' || (c >= 'A' && c <= 'Z'); });
      if (within && !keyword) uses.insert(word);
      if (keyword) within = word == "USES";
    }
  }
  return uses;
}

/// What the USES of a room leave out of the rooms that its files include, and name without need: one line each.
std::vector<std::string> uses_faults(const std::string& place, const std::string& cmake,
                                     const std::vector<SourceFile>& files) {
  const std::set<std::string> uses = uses_of(cmake);
  std::map<std::string, std::string> included;  // room -> the first file that includes it
  for (const SourceFile& file : files) {
    if (!starts_with(file.path, place + "/")) continue;
    for (const Include& include : includes_of(file)) {
      if (include.quoted && !starts_with(include.to, place + "/")) included.emplace(room_of(include.to), file.path);
    }
  }
  std::vector<std::string> faults;
  for (const auto& [room, file] : included) {
    if (uses.count(room) == 0) faults.push_back(base::text(place, " does not name ", room, " in USES: ", file));
  }
  for (const std::string& room : uses) {
    if (included.count(room) == 0)
      faults.push_back(base::text(place, " names ", room, " in USES and includes nothing of it"));
  }
  return faults;
}

/// The one fault of a file that includes one thing; "" when there is none.
std::string fault(const std::string& path, const std::string& include) {
  const std::vector<std::string> faults = faults_of({{path, "// text\n#include " + include + "\n"}});
  EXPECT_LE(faults.size(), 1U) << faults.back();
  return faults.empty() ? "" : faults.front();
}

std::vector<SourceFile> files_of_the_tree() {
  std::vector<SourceFile> files;
  const std::filesystem::path root = MUSTER_SOURCE_DIR;
  const std::set<std::string> kinds = {".h", ".cpp", ".cu", ".cuh"};
  for (const char* program : {"launcher", "runtime"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / program)) {
      if (entry.is_regular_file() && kinds.count(entry.path().extension().string()) > 0) {
        files.push_back({entry.path().lexically_relative(root).generic_string(), base::read_file(entry.path())});
      }
    }
  }
  return files;
}

TEST(Floors, TheTreeStandsOnItsFloors) {
  const std::vector<SourceFile> files = files_of_the_tree();
  ASSERT_GT(files.size(), 10U);
  for (const std::string& fault : faults_of(files)) ADD_FAILURE() << fault;
}

TEST(Floors, EveryRoomUsesWhatItIncludesAndNothingElse) {
  const std::vector<SourceFile> files = files_of_the_tree();
  const std::filesystem::path root = MUSTER_SOURCE_DIR;
  int rooms = 0;
  for (const char* program : {"launcher", "runtime"}) {
    for (const auto& entry : std::filesystem::directory_iterator(root / program)) {
      const std::filesystem::path list = entry.path() / "CMakeLists.txt";
      if (!entry.is_directory()) continue;
      const std::string cmake = base::read_file(list);
      if (!starts_with(cmake, "add_room(")) continue;  // runtime/cuda is a plugin, no room
      ++rooms;
      const std::string place = entry.path().lexically_relative(root).generic_string();
      for (const std::string& fault : uses_faults(place, cmake, files)) ADD_FAILURE() << fault;
    }
  }
  EXPECT_GT(rooms, 30);
}

TEST(Floors, UsesThatAreMissingOrTooManyAreFaults) {
  const std::string cmake =
      "add_room(train TENSOR\n  SOURCES\n    a.cpp\n  USES model base\n  TESTS\n    a_test.cpp)\n";
  const SourceFile file{"runtime/train/a.cpp", "#include \"runtime/base/text.h\"\n#include \"runtime/ops/linear.h\"\n"};
  const std::vector<std::string> faults = uses_faults("runtime/train", cmake, {file});
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0], "runtime/train does not name ops in USES: runtime/train/a.cpp");
  EXPECT_EQ(faults[1], "runtime/train names model in USES and includes nothing of it");
}

TEST(Floors, AreThoseOfTheHousePage) {
  EXPECT_EQ(floors_of("text\n\n    main | node loop | base\n", "main"), (Floors{{"base"}, {"node", "loop"}, {"main"}}));
  ASSERT_GT(house_floors().size(), 5U);
  EXPECT_EQ(house_floors().front(), std::vector<std::string>{"base"});
}

TEST(Floors, ArrowsUpAndAlongAFloorAreFaults) {
  EXPECT_NE(fault("runtime/ops/a.cpp", "\"runtime/model/m.h\"").find("an arrow up, from ops to model"),
            std::string::npos);
  EXPECT_NE(fault("runtime/base/a.h", "\"runtime/spec/job.h\""), "");
  EXPECT_NE(fault("runtime/generate/a.cpp", "\"runtime/train/t.h\"").find("along one floor"), std::string::npos);
  EXPECT_NE(fault("runtime/train/a.cpp", "\"runtime/refit/t.h\""), "");
  EXPECT_NE(fault("runtime/loop/a.cpp", "\"runtime/node/n.h\""), "");
  EXPECT_NE(fault("runtime/common/a.cpp", "\"runtime/base/text.h\"").find("stands on no floor"), std::string::npos);
  EXPECT_EQ(fault("runtime/loop/a.cpp", "\"runtime/generate/g.h\""), "");
  EXPECT_EQ(fault("runtime/comm/cuda/nccl.cpp", "\"runtime/comm/communicator.h\""), "");
  EXPECT_EQ(fault("runtime/rank_main.cpp", "\"runtime/loop/run.h\""), "");
}

TEST(Floors, TheLauncherHasFloorsToo) {
  ASSERT_GT(launcher_floors().size(), 5U);
  EXPECT_NE(fault("launcher/page/a.cpp", "\"launcher/records/r.h\"").find("from page to records"), std::string::npos);
  EXPECT_NE(fault("launcher/plan/a.cpp", "\"launcher/cli/c.h\""), "");
  EXPECT_NE(fault("launcher/run/a.cpp", "\"launcher/tune/t.h\""), "");
  EXPECT_NE(fault("launcher/report/a.cpp", "\"launcher/tune/t.h\""), "");
  EXPECT_EQ(fault("launcher/report/a.cpp", "\"launcher/records/r.h\""), "");
  EXPECT_EQ(fault("launcher/main.cpp", "\"launcher/tune/t.h\""), "");
}

TEST(Floors, LauncherAndRuntimeMeetOnlyInSpecAndBase) {
  EXPECT_NE(fault("launcher/plan/a.cpp", "\"runtime/node/n.h\""), "");
  EXPECT_NE(fault("launcher/main.cpp", "\"runtime/log/l.h\""), "");
  EXPECT_NE(fault("runtime/node/a.cpp", "\"launcher/plan/p.h\""), "");
  EXPECT_NE(fault("runtime/node/a.cpp", "\"agent.h\"").find("begins with"), std::string::npos);
  EXPECT_EQ(fault("launcher/plan/a.cpp", "\"runtime/spec/plan.h\""), "");
  EXPECT_EQ(fault("launcher/main.cpp", "\"launcher/cli/verb.h\""), "");
}

TEST(Floors, LibTorchStaysWhereItBelongs) {
  for (const char* room : {"node", "indexing", "data", "chat", "reward", "log", "spec", "base"}) {
    EXPECT_NE(fault(base::text("runtime/", room, "/a.cpp"), "<ATen/core/Tensor.h>"), "") << room;
  }
  EXPECT_NE(fault("launcher/plan/a.cpp", "<c10/util/Half.h>"), "");
  EXPECT_NE(fault("runtime/main.cpp", "<ATen/ATen.h>"), "");
  EXPECT_NE(fault("runtime/ops/a.cpp", "<torch/torch.h>"), "");
  EXPECT_NE(fault("runtime/ops/a.h", "<ATen/ATen.h>"), "");
  EXPECT_EQ(fault("runtime/ops/a.h", "<ATen/core/Tensor.h>"), "");
  EXPECT_EQ(fault("runtime/ops/a.cpp", "<ATen/ATen.h>"), "");
}

TEST(Floors, APackageStaysInItsRoom) {
  EXPECT_NE(fault("launcher/supervise/a.cpp", "<slurm/slurm.h>"), "");
  EXPECT_EQ(fault("launcher/slurm/plugin.cpp", "<slurm/slurm.h>"), "");
  EXPECT_NE(fault("runtime/comm/nccl.h", "<nccl.h>"), "");
  EXPECT_NE(fault("runtime/refit/a.cpp", "<nccl.h>"), "");
  EXPECT_NE(fault("launcher/cluster/a.cpp", "<toml++/toml.h>"), "");
  EXPECT_NE(fault("runtime/indexing/parquet.cpp", "<parquet/file_reader.h>"), "");
  EXPECT_NE(fault("runtime/data/rows.cpp", "<zlib.h>"), "");
  EXPECT_EQ(fault("runtime/indexing/unpack.cpp", "<zstd.h>"), "");
  EXPECT_EQ(fault("runtime/parquet_main.cpp", "<arrow/api.h>"), "");
  EXPECT_NE(fault("runtime/node/a.cpp", "<boost/program_options.hpp>"), "");
  EXPECT_NE(fault("launcher/main.cpp", "<boost/program_options.hpp>"), "");
  EXPECT_EQ(fault("runtime/main.cpp", "<boost/program_options.hpp>"), "");
  EXPECT_EQ(fault("launcher/cli/a.cpp", " <boost/program_options.hpp>"), "");
  const std::string nccl = "#  include <nccl.h>\n";
  EXPECT_TRUE(faults_of({{"runtime/comm/a.cpp", nccl}}).empty());
  EXPECT_EQ(faults_of({{"runtime/comm/a.cpp", nccl}, {"runtime/comm/b.cpp", nccl}}).size(), 1U);
}

TEST(Floors, ACircleOfRoomsIsAFault) {
  const SourceFile there{"launcher/estimate/a.cpp", "#include \"launcher/plan/p.h\"\n"};
  const SourceFile on{"launcher/plan/p.h", "#include \"launcher/cluster/c.h\"\n"};
  const SourceFile back{"launcher/cluster/c.h", "#include \"launcher/estimate/e.h\"\n"};
  EXPECT_TRUE(faults_of({there, on}).empty());
  const std::vector<std::string> faults = faults_of({there, on, back});
  ASSERT_EQ(faults.size(), 2U);  // the arrow up, and the circle that it closes
  EXPECT_NE(faults[1].find("launcher/cluster -> launcher/estimate -> launcher/plan -> launcher/cluster"),
            std::string::npos)
      << faults[1];
}

}  // namespace
}  // namespace muster::tests
