// webpack --config webpack.config.cjs
module.exports = {
  mode: 'production',
  target: 'node20',
  entry: './app.js',
  experiments: { outputModule: true },
  externalsType: 'module',
  externals: [/^node-paligemma(\/|$)/],
  output: { filename: 'app.mjs', library: { type: 'module' } },
};
