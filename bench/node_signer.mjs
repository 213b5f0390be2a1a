// A signer as it is usually written for Node.js: the clients of the SDK, the key read once.
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { getSignedUrl } from "@aws-sdk/cloudfront-signer";

const ssm = new SSMClient({});
let privateKey;

export const handler = async (event) => {
  const [keyPairId, , , parameter] = process.env.SIGNING_KEYS.split(" ");
  if (!privateKey) {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter, WithDecryption: true }));
    privateKey = Parameter.Value;
  }
  const dateLessThan = new Date(Date.now() + 900_000);
  return getSignedUrl({ url: `${process.env.CDN_URL}/${event.arguments.file}`, keyPairId, privateKey, dateLessThan });
};
