#!/usr/bin/env bash
# A good guess: Perl's Data::MessagePack packs a string as MessagePack's str, since that is what the format has for text.
# What happens: it packs every string as bin, be it ASCII or a decoded text, unless ->utf8 was called; then every string
# is str. A number that was read as text stays text in both cases, and is made a number by 0 + $x.
# Why it matters: a server that asks for str where its protocol says str (names of commands, steps of a path, keys of
# maps) refuses each request of a client that uses the module as its synopsis shows.
#
# Version: Debian's libdata-messagepack-perl 1.02-1+b1 with perl 5.36. Seen on 2026-11-29: GET c403474554 and a3474554.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libdata-messagepack-perl=1.02-1+b1
dpkg -x libdata-messagepack-perl_*.deb root
paths=$(dirname "$(dirname "$(find root/usr -path '*/Data/MessagePack.pm')")")  # Below the version of Perl.

cat >pack.pl <<'PERL'
use v5.36;
use Data::MessagePack;
my $plain = Data::MessagePack->new;
my $utf8 = Data::MessagePack->new->utf8;
my $read = "12";
for my $pair (["GET", "GET"], ["Greek", "\x{395}\x{3bb}"], ["digits", $read], ["0+digits", 0 + $read]) {
    say join " ", $pair->[0], map { unpack "H*", $_->pack($pair->[1]) } $plain, $utf8;
}
PERL
PERL5LIB=$paths perl pack.pl | tee seen
cat >expected <<'TEXT'
GET c403474554 a3474554
Greek c404ce95cebb a4ce95cebb
digits c4023132 a23132
0+digits 0c 0c
TEXT
cmp seen expected && echo "as described"
