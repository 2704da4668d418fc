// Unpacked beside restunnel.js: what runs inside the one file can import nothing from the disk since Node 26, and this can.
module.exports = (url) => import(url);
