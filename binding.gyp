{
  # node-gyp (electron-rebuild, npm rebuild) is led to the same CMake build: this target only runs it.
  "targets": [
    {
      "target_name": "paligemma",
      "type": "none",
      "actions": [
        {
          "action_name": "build_with_cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/Release/paligemma.node"],
          "action": ["node", "scripts/build.mjs", "--native"]
        }
      ]
    }
  ]
}
