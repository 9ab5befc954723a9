"""
From the tables and rows of release 0.9.4.1 to those of today: what the migrations call.

Nothing here is used once a database has been upgraded.
"""
