/*
 * All rooms of TCP.
 */
#ifndef NET_TCP_INT_H
#define NET_TCP_INT_H

#include "net/tcp/block/block.h"
#include "net/tcp/cc/cc.h"
#include "net/tcp/cc/ecn.h"
#include "net/tcp/life/life.h"
#include "net/tcp/loss/loss.h"
#include "net/tcp/open/open.h"
#include "net/tcp/recv/recv.h"
#include "net/tcp/root.h"
#include "net/tcp/send/send.h"
#include "net/tcp/tcp.h"

#endif
