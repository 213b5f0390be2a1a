// A function that lists a bucket, as it is usually written for Node.js.
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client({});

export const handler = async () => {
  const names = [];
  let ContinuationToken;
  do {
    const request = { Bucket: process.env.BUCKET_NAME, Prefix: "files/", ContinuationToken };
    const page = await s3.send(new ListObjectsV2Command(request));
    names.push(...(page.Contents ?? []).map(({ Key }) => Key.slice("files/".length)));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return names;
};
