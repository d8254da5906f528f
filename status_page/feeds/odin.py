"""`/feeds/odin.xml`: who is without power, as ODIN's PubOutages (IEC TC 57, 2014)."""
