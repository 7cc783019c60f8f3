/** All of webpack, loaded by whoever bundles, at that moment. */
module.exports = new Proxy({}, { get: (_, name) => require('webpack/lib/index.js')[name] });
