"""The process that is AWS: ministack, taught what it lacks, a module for each service.

cloudfront_keys   the CloudFormation types of a public key and of a key group
functions         Lambda answers an exception's class name and keeps the sandbox, lets invocations finish when a
                  function is updated, runs the programs of layers, and forgets old invocations
buckets           the CDK's custom resource that empties a bucket, and what S3 does with
                  `response-content-disposition` when CloudFront passes it on
response_headers  CloudFront's response headers policies are left to the local edge
http_apis         CloudFormation spells the CORS settings of an HTTP API as the API does

python -m local.embedded_aws      (its settings are ministack's environment variables; see cloud.py)
"""
