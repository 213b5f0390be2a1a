// Signs URLs with signers for Node.js. Each line of stdin is a request, each line of stdout its response:
// {signer, hash, keyId, privateKey, expires, urls} -> {urls, seconds: CPU seconds that one URL took}
import { createPrivateKey } from "node:crypto";
import { createInterface } from "node:readline";
import { getSignedUrl as sdk } from "@aws-sdk/cloudfront-signer";
import { getSignedUrl as sign } from "aws-cloudfront-sign";

const withSdk = ({ hash, keyId, privateKey, expires }) => {
  const dateLessThan = new Date(expires * 1000);
  return (url) => sdk({ url, keyPairId: keyId, dateLessThan, privateKey, algorithm: hash });
};

const signers = {
  "@aws-sdk/cloudfront-signer": withSdk,
  // The SDK's types allow only text, but a key object saves it from parsing the key for every URL.
  "@aws-sdk/cloudfront-signer, key parsed once": (request) =>
    withSdk({ ...request, privateKey: createPrivateKey(request.privateKey) }),
  "aws-cloudfront-sign": ({ keyId, privateKey, expires }) => {
    const parameters = { keypairId: keyId, expireTime: expires * 1000, privateKeyString: privateKey };
    return (url) => sign(url, parameters);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const signed = signers[request.signer](request);
  const started = process.cpuUsage();
  const urls = request.urls.map(signed);
  const { user, system } = process.cpuUsage(started);
  console.log(JSON.stringify({ urls, seconds: (user + system) / 1e6 / urls.length }));
}
