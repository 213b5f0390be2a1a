"""Runs ministack, an open-source AWS emulator (https://github.com/ministackorg/ministack), with patches.

emulator          starts and stops the emulator in a process of its own; nothing here loads ministack
__main__          that process: `python -m local.embedded_aws`, configured by ministack's environment variables
upstream          checks that what a patch changes is still what the patch was written for
buckets, cloudfront_keys, functions, http_apis, monitoring, user_pools
                  the patches, a module for each service; each says what ministack lacks
"""
