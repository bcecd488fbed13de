import { expect, test } from 'vitest';
import { isRefusedAddress } from '../../../src/cog/http-agent.ts';

test.each([
  '169.254.169.254',
  '169.254.0.1',
  '100.100.100.200',
  '192.0.0.192',
  'fe80::1',
  'febf::1',
  '[fe80::1]',
  'fe80::1%eth0',
  'fd00:ec2::254',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::a9fe:a9fe',
  '64:ff9b::169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
])('%s is refused', (address) => {
  expect(isRefusedAddress(address)).toBe(true);
});

test.each([
  '127.0.0.1',
  '10.0.0.1',
  '192.168.1.1',
  '8.8.8.8',
  '169.253.255.255',
  '169.255.0.0',
  '::1',
  '[::1]',
  'fd00::1',
  'fec0::1',
  '2001:db8::1',
  '::ffff:127.0.0.1',
  'example.com',
  '',
])('%s is not refused: loopback, private, public, or a name, which is checked when it is resolved', (address) => {
  expect(isRefusedAddress(address)).toBe(false);
});
