"""Runs ministack, an open-source AWS emulator (https://github.com/ministackorg/ministack), with patches.

emulator          starts and stops the emulator in a process of its own; nothing here loads ministack
__main__          that process: `python -m local.embedded_aws`, configured by ministack's environment variables
kept_folder       the folder for what outlives the emulator
upstream          checks that what a patch changes is still what the patch was written for
buckets, cloudfront_keys, functions, http_apis, kept_state, monitoring, user_pools
                  the patches, a module for each service; each says what ministack lacks
"""
