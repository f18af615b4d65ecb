"""What mail systems say of mail: bounces, receipts, abuse reports, and mail that programs send."""
