#include "runtime/base/system_error.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>

namespace muster::base {
namespace {

Error caught(void (*body)()) {
  try {
    body();
  } catch (const std::exception& exception) {
    return error_of(exception);
  }
  return Error::defect({.what = "nothing was thrown"});
}

TEST(ErrorOf, WhatTheSystemRefusesIsNoDefect) {
  const Error error = caught([] { (void)std::filesystem::file_size("/" + std::string(300, 'x')); });
  EXPECT_EQ(error.exit_code(), 2);
  EXPECT_NE(std::string(error.what()).find("File name too long"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("xxx... (301 characters)"), std::string::npos) << error.what();
  EXPECT_EQ(caught([] { throw std::bad_alloc(); }).exit_code(), 2);
}

TEST(ErrorOf, AnErrorStaysWhatItIsAndTheUnexpectedIsADefect) {
  EXPECT_EQ(caught([] { throw Error::cluster({.what = "no node"}); }).exit_code(), 3);
  const Error error = caught([] { throw std::out_of_range("index 3"); });
  EXPECT_EQ(error.exit_code(), 70);
  EXPECT_NE(std::string(error.what()).find("defect in Muster: index 3"), std::string::npos);
}

}  // namespace
}  // namespace muster::base
