"""A carrier that stays on this machine: Twilio's and SendGrid's wire formats, kept on disk.

It is for demo, tests and drills, and offers no more than the providers publish (Twilio
api_v2010, SendGrid tsg_mail_v3). What it accepts is on disk before it answers; nothing it sends
leaves the machine. Only `workers` imports it, and nothing else in the product knows that it is
not the real thing.
"""
